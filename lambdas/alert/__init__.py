"""Breach events and a sweep every minute -> alert state in DynamoDB, e-mails through SNS."""
