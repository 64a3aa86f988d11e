"""What both functions bundle: event contracts, thresholds, tracing, logs, metrics, clients."""
