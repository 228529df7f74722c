"""One self-contained page that answers "does it help my model on my data, by how much, at what cost?"."""
