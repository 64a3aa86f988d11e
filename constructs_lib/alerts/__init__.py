"""From ingest's events to people's inboxes: bus, rule, schedule, topic, dead-letter queues."""
