"""The enhancement stage in front of somebody's model."""
