"""The HTML report: what a pipeline did, in one file that opens offline."""
