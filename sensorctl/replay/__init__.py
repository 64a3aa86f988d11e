"""`sensorctl replay` and `reconcile`: stored objects and archived events, processed again."""
