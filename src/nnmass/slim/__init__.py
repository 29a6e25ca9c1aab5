"""Smaller and faster networks: convolutions sparse by design, sub-networks of one network."""
