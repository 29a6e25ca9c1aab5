"""What a few flipped bits of the last layer can do to a quantised classifier."""
