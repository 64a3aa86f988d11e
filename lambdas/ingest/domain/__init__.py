"""Finds breaches, makes table items, and checks which devices an upload may contain readings of. Pure."""
