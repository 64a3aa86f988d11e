"""`sensorctl subscribers`: who gets which e-mails."""
