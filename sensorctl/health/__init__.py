"""Whether a pipeline is well: `gather` reads facts of it, `judge` says what they mean."""
