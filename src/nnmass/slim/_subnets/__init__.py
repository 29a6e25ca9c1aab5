"""One network that holds several: nested sub-networks of channels."""
