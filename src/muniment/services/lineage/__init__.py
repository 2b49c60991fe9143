"""What versions came from."""
