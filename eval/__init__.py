"""Does it help? Data sets, metrics, comparisons and reports."""
