"""Checks an account and a stage's settings for whatever would make the first deployment fail."""
