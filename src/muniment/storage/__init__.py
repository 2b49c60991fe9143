"""Where a registry keeps things: two ports, their adapters, and suites that prove an adapter."""
