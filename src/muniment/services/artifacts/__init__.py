"""Bytes: those of versions, of runs, and of nobody."""
