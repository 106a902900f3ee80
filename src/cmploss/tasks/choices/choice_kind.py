"""One of several choices: a score for each pair of context and choice."""

from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import Any

import numpy as np
from scipy.special import softmax
from sklearn import metrics
from transformers import DataCollatorForMultipleChoice

from cmploss.tasks.choices.choice_rows import Choices
from cmploss.tasks.rows.row_kind import Found, RowKind
from cmploss.tasks.run_examples import Collator


class ChoiceKind(RowKind):
    """Questions with choices."""

    head = "MultipleChoice"
    pipeline = "multiple-choice"
    measures = ("accuracy",)

    @property
    def description(self) -> str:
        return f"{len(self.names)} choices"

    @property
    def collator(self) -> Collator:
        return DataCollatorForMultipleChoice(self.tokenizer)

    def texts_of_input(self, examples: Sequence[Choices]) -> int:
        return 2

    def encoded(self, examples: Sequence[Choices], **options: Any) -> dict[str, list[Any]]:
        """Each choice is a pair: the context, and the choice after its start. All examples have as many choices."""
        size = len(examples[0].choices)
        firsts = [example.context for example in examples for _ in range(size)]
        seconds = [f"{example.start} {choice}".strip() for example in examples for choice in example.choices]
        found = self.tokenizer(firsts, seconds, **options)
        columns = {name: [of[at : at + size] for at in range(0, len(of), size)] for name, of in found.items()}
        return {**columns, "labels": [example.label for example in examples]}

    def scores(self, found: Found, tuned: float | None) -> dict[str, float]:
        labels = [example.label for example in found.examples]
        return {"accuracy": 100 * float(metrics.accuracy_score(labels, self._guesses(found)))}

    def lists(self, found: Found, tuned: float | None) -> dict[str, list[Any]]:
        pairs = list(zip(found.examples, self._guesses(found), strict=True))
        return {
            "labels": [example.choices[example.label] for example in found.examples],
            "predictions": [example.choices[guess] for example, guess in pairs],
            "accuracy": [100.0 * (example.label == guess) for example, guess in pairs],
        }

    def written(self, found: Found, tuned: float | None) -> tuple[Sequence[str], Sequence[Mapping[str, Any]]]:
        rows = []
        for example, logits, guess in zip(found.examples, found.logits, self._guesses(found), strict=True):
            letters = ascii_uppercase[: len(example.choices)]
            chances = zip(letters, softmax(logits), strict=True)
            rows.append(
                {
                    "context": example.context,
                    "start": example.start,
                    "prediction": letters[guess],
                    "choice": example.choices[guess],
                    **{f"p({name})": f"{value:.6f}" for name, value in chances},
                }
            )
        return list(rows[0]), rows

    def _guesses(self, found: Found) -> list[int]:
        return [int(np.argmax(logits)) for logits in found.logits]
