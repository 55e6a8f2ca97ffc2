"""Keeps its place beside the file."""
# The index goes on.
