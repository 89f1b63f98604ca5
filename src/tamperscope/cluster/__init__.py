"""Scanning of large collections, from and to any file system, on one machine or on many."""
