"""One file per table format: what it looks like, and how its rows are read."""
