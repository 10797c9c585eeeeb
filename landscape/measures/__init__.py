"""Numbers that say what a stored surface is like: they need its file, and nothing that made it."""
