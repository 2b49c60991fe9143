"""What there is: models, their versions, and the names that point at them."""
