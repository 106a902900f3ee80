"""Exceptions that a user can do something about."""

import re

LONGEST = 1500  # characters of a message


class UserError(ValueError):
    """A mistake in the user's input: one line that says where it is, what is wrong and what would be right.

    The command line prints the message and exits with status 2; Python callers see a ``ValueError``. Line ends that
    come from the input become spaces, and the middle of a very long message is left out.
    """

    def __init__(self, message: str):
        text = re.sub(r"\s*[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]\s*", " ", message)
        super().__init__(text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} … {text[-LONGEST // 2 :]}")


class NotFiniteError(UserError):
    """A loss, gradient, weight or prediction is nan or infinite; within a run it ends the run as failed."""


class Interrupted(KeyboardInterrupt):
    """A signal stopped a run after it had written a checkpoint."""

    def __init__(self, signal: int = 2):
        super().__init__("; the same command continues where it stopped")
        self.signal = signal


def exit_status(interrupt: KeyboardInterrupt) -> int:
    """130 after Ctrl-C, 143 after SIGTERM, as a shell has it."""
    return 128 + getattr(interrupt, "signal", 2)
