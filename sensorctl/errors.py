"""The error for what a user can get wrong, in one sentence."""


class UserError(Exception):
    """Names the thing and the fix; the command prints it without a traceback and exits with 2."""
