"""The embedded AWS behind `run` and `up`: emulator process, deployment, mailbox, trace collector."""
