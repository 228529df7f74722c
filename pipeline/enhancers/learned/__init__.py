"""Methods with trained parameters."""
