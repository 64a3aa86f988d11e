"""What the pipeline costs in time, beside the ways it is usually written: `python -m bench`. Ratios, never limits."""
