"""Exceptions that a user can do something about."""


class UserError(ValueError):
    """A mistake in the user's input: one line that says where it is, what is wrong and what would be right.

    The command line prints the message and exits with status 2; Python callers see a ``ValueError``.
    """


class NotFiniteError(UserError):
    """A loss, gradient, weight or prediction is nan or infinite; within a run it ends the run as failed."""
