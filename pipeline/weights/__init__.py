"""Weights that ship with the package, and the manifest of all named weights."""
