"""Checks that the registry runs itself: configured by workspace, due when a version is sealed."""
