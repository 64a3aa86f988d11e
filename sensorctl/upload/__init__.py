"""`sensorctl upload`: files of readings to where ingest looks, for those without the AWS CLI."""
