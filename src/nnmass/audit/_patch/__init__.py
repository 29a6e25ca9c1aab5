"""Certificates that no patch can change a prediction, by votes over ablated images."""
