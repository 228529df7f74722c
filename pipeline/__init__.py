"""From dark pixels to bright pixels; this room knows no detector and no metric."""
