"""CSV with a header in, readings out."""
