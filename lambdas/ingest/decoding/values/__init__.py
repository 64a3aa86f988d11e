"""One text or number of a device in, what it means out: device ids, metric names, numbers, times."""
