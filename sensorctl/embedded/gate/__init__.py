"""The gate of the embedded AWS: a request comes in; what it signed goes on, or a reason to refuse it comes out."""
