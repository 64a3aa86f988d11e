"""`sensorctl devices`: every device that ever reported, and when it last did."""
