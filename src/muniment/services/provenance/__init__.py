"""Where versions come from, provably: signatures, trusted keys, and what is exported of it."""
