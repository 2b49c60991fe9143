"""Who is asking, how they prove it, what they may do, and the log of it."""
