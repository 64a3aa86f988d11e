"""`sensorctl thresholds`: the rules in force, shown, explained and changed."""
