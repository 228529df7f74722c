"""YAML presets and the schemas that check them; this room imports no other."""
