"""S3 object -> readings in DynamoDB, breaches on EventBridge, rejects in quarantine."""
