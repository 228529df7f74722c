"""Segmentation nets that the project has trained itself, and how they were made."""
