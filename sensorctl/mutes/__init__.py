"""`sensorctl mutes`: withholds e-mails about devices for a while; a pattern and an end in, an entry of the list out."""
