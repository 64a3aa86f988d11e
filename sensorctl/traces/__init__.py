"""`sensorctl traces`: the path of an upload through the pipeline, from X-Ray."""
