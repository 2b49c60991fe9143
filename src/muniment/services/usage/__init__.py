"""Where versions run: as declared, and as observed."""
