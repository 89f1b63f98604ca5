"""Scanning photographs: which files, what is done to each, and many at once."""
