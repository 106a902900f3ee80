"""Options of training a query reformulator."""

from dataclasses import dataclass

from cmploss.errors import UserError


@dataclass(frozen=True)
class FeedbackConfig:
    """What a reformulator reads.

    Attributes:
        max_feedback: Largest number of passages that are fed back.
        query_length: Longest query in tokens; longer ones are cut at the end.
        passage_length: Longest passage in tokens.
        input_length: Longest input in tokens, special tokens included; what goes beyond it is cut.
    """

    max_feedback: int = 5
    query_length: int = 128
    passage_length: int = 128
    input_length: int = 512

    def __post_init__(self) -> None:
        least = {"max_feedback": 0, "query_length": 1, "passage_length": 1, "input_length": 3}
        for name, value in least.items():
            if getattr(self, name) < value:
                raise UserError(f"--{name} must be >= {value}, got {getattr(self, name)}")
