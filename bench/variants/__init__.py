"""Ingest's handler with one thing done otherwise, for `python -m bench.left_alone`."""
