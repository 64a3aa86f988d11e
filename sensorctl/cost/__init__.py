"""`sensorctl cost`: what a fleet costs a month."""
