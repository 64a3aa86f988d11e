"""The delivery proof: the real handlers, run through thousands of schedules of crashes, lost answers and duplicates."""
