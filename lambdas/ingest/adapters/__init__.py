"""What ingest asks of AWS: readings stored, events put on the bus, rejects quarantined."""
