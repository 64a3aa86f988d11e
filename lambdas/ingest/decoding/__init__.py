"""The bytes of one object in, batches of readings and rejects out. Imports no AWS SDK."""
