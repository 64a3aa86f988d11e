"""`sensorctl redrive`: processes messages of the failure and dead-letter queues again."""
