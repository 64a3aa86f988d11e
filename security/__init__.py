"""`make security`: the scanners on the templates of every stage, and the tables of docs/security.md."""
