"""`sensorctl status`: says what is wrong with a pipeline and what to do."""
