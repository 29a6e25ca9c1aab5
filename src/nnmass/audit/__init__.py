"""Audits of a trained model: what a patch can do to it, and what a few flipped bits can."""
