"""The version, in a file that needs no installed metadata to be read."""

__version__ = "0.1.0"
