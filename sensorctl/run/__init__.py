"""`make run`: runs the whole pipeline on this machine, uploads to it and checks the result."""
