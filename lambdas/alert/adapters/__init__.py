"""What alert asks of DynamoDB: its ledger of alerts, and the readings table."""
