"""How commands reach AWS: the connection, the outputs of a stack, functions invoked, objects uploaded."""
