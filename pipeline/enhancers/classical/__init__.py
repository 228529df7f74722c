"""Methods without trained parameters."""
