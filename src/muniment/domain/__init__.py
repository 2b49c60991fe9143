"""What a registry is: entities and rules. Pure: no I/O, no framework, no clock of its own."""
