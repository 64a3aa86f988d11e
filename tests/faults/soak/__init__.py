"""`make soak`: the embedded AWS under the worst uploads while function workers are killed."""
