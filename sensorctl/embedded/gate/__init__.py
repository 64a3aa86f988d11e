"""The gate of the embedded AWS: forwards what a request has signed, or refuses the request with a reason."""
