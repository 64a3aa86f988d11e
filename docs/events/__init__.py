"""The schemas of the events, and what makes them."""
