"""State and a breach, a tick or rejects in; the next state and the notices to mail out."""
