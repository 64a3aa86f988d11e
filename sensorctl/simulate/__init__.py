"""`sensorctl simulate`: a fleet of devices, or recorded files, as uploads."""
