"""`sensorctl alerts`: what is open, and the e-mails that an alert sends."""
