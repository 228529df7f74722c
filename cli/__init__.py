"""The command `scotopic`: the top floor, which imports everything and which nobody imports."""
