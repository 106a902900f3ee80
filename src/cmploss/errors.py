"""The one exception for mistakes that a user can fix."""


class UserError(ValueError):
    """A mistake in what the user gave: one line that names the place, the fault and the remedy.

    The command line prints the message and exits with status 2; Python callers see a ``ValueError``.
    """
