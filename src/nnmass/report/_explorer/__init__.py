"""The explorer: what reports show, live in a browser."""
