"""YOLO and RT-DETR of ultralytics, all tasks, and the files that it exports."""
