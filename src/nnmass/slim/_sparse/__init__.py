"""Pre-defined sparse convolution: the taps of every kernel are chosen before training."""
