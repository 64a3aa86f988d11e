"""A function's folder in, the zip that Lambda runs out: with no Docker, and no more than the function needs."""
