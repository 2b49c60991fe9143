"""Pickles, followed without being loaded: see `machine`."""
