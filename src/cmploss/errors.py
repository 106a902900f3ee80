"""Exceptions that a user can do something about."""


class UserError(ValueError):
    """A mistake in what the user gave: one line that names the place, the fault and the remedy.

    The command line prints the message and exits with status 2; Python callers see a ``ValueError``.
    """


class NotFiniteError(UserError):
    """A loss, gradient, weight or prediction is nan or infinite; within a run it ends the run as failed."""
