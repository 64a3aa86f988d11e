"""One deployment of the pipeline: its settings, its app, what it keeps, and where it may be deployed."""
