"""`sensorctl readings`: what is stored, read back."""
