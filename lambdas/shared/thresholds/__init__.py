"""The thresholds document in, the rule of a device's metric out: parsed, checked, read from Systems Manager."""
