"""Errors that a person can cause and fix."""


class SynthError(Exception):
    """Synthesis cannot go on; the message is one sentence that names the thing and the fix."""
