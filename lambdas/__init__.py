"""What runs on AWS Lambda: `ingest` (S3 -> DynamoDB, EventBridge) and `alert` (EventBridge -> SNS)."""
