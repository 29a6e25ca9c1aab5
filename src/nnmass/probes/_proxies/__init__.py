"""Zero-cost proxies: one number for a network that was not trained, and what it is worth."""
