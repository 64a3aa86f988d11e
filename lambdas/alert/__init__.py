"""Breach events and clock ticks -> alert state in DynamoDB, e-mails through SNS."""
