"""The operator's command: runs the pipeline on this machine, feeds it, and answers questions about it."""
