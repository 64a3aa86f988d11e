"""`sensorctl check`: what ingest would make of files, with no AWS."""
