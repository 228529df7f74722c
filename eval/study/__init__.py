"""A blind study: which enhancer people prefer, asked on a page and scored with intervals."""
