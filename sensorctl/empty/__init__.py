"""`sensorctl empty`: the buckets of a stack, emptied before it is destroyed."""
