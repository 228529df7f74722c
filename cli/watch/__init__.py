"""`scotopic watch`: a live view of a source, what the enhancer makes of it, and what a detector finds in that."""
