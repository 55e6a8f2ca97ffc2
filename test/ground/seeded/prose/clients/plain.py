"""Keeps its place next to the file."""
label = "beside"
# The index continues.
