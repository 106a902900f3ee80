"""Several labels of a text: sigmoids above one threshold, which is chosen on the selection split."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn import metrics
from transformers import DataCollatorWithPadding

from cmploss.measures.label_scores import ClassScores, per_label_scores
from cmploss.tasks.labels.label_rows import SEPARATOR, LabelledText
from cmploss.tasks.rows.row_kind import Found, RowKind
from cmploss.tasks.run_examples import Collator

UNTUNED = 0.5


class LabelKind(RowKind):
    """Texts with several labels."""

    head = "SequenceClassification"
    pipeline = "text-classification"
    measures = ("f1_micro", "f1_macro", "subset_accuracy")

    @property
    def config(self) -> dict[str, Any]:
        return {**super().config, "problem_type": "multi_label_classification"}

    @property
    def description(self) -> str:
        return f"several of {len(self.names)} labels"

    @property
    def collator(self) -> Collator:
        return DataCollatorWithPadding(self.tokenizer)

    def texts_of_input(self, examples: Sequence[LabelledText]) -> int:
        return len(examples[0].texts)

    def encoded(self, examples: Sequence[LabelledText], **options: Any) -> dict[str, list[Any]]:
        texts = zip(*(example.texts for example in examples), strict=True)
        return {**self.tokenizer(*map(list, texts), **options), "labels": self._truth(examples).tolist()}

    def tuned(self, found: Found) -> float:
        """The threshold with the best micro F1."""
        return best_threshold(expit(np.stack(found.logits)), self._truth(found.examples))

    def scores(self, found: Found, tuned: float | None) -> dict[str, float]:
        truth, guesses = self._truth(found.examples), self._guesses(found, tuned)
        micro, macro = (
            metrics.f1_score(truth, guesses, average=average, zero_division=0.0) for average in ("micro", "macro")
        )
        found_scores = (micro, macro, metrics.accuracy_score(truth, guesses))
        return {name: 100 * float(value) for name, value in zip(self.measures, found_scores, strict=True)}

    def lists(self, found: Found, tuned: float | None) -> dict[str, list[Any]]:
        truth, guesses = self._truth(found.examples), self._guesses(found, tuned)
        both, sizes = (truth * guesses).sum(1), truth.sum(1) + guesses.sum(1)
        each = np.where(sizes > 0, 200 * both / np.maximum(sizes, 1), 100.0)
        return {
            "labels": [list(example.labels) for example in found.examples],
            "predictions": [self._joined(row) for row in guesses],
            "probabilities": expit(np.stack(found.logits)).round(5).tolist(),
            "score": each.round(3).tolist(),
        }

    def classes(self, found: Found, tuned: float | None) -> ClassScores:
        return per_label_scores(self._guesses(found, tuned), self._truth(found.examples), self.names)

    def written(self, found: Found, tuned: float | None) -> tuple[Sequence[str], Sequence[Mapping[str, Any]]]:
        probabilities, guesses = expit(np.stack(found.logits)), self._guesses(found, tuned)
        rows = []
        for example, of, row in zip(found.examples, probabilities, guesses, strict=True):
            texts = dict(zip(("text", "text_pair"), example.texts, strict=False))
            chances = {f"p({name})": f"{value:.6f}" for name, value in zip(self.names, of, strict=True)}
            rows.append({**texts, "prediction": self._joined(row), **chances})
        return list(rows[0]), rows

    def _truth(self, examples: Sequence[LabelledText]) -> NDArray[np.float64]:
        return np.array([[float(name in set(example.labels)) for name in self.names] for example in examples])

    def _guesses(self, found: Found, threshold: float | None) -> NDArray[np.float64]:
        return (expit(np.stack(found.logits)) >= (UNTUNED if threshold is None else threshold)).astype(float)

    def _joined(self, row: NDArray[np.float64]) -> str:
        return SEPARATOR.join(name for name, chosen in zip(self.names, row, strict=True) if chosen)


def best_threshold(probabilities: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
    """The threshold of the best micro F1, halfway to the next smaller probability; of equal ones the largest.

    Args:
        probabilities: ``(examples, labels)``.
        truth: 1 for each label of an example, else 0, ``(examples, labels)``.

    Returns:
        Labels with at least this probability are predicted; 0.5 if no example has a label.

    Examples:
        >>> best_threshold(np.array([[0.9, 0.2], [0.3, 0.1]]), np.array([[1, 0], [1, 0]]))
        0.25
    """
    if not truth.any():
        return UNTUNED
    order = np.argsort(-probabilities, axis=None, kind="stable")
    ranked, right = probabilities.flatten()[order], truth.flatten()[order].cumsum()
    f1 = 2 * right / (np.arange(1, len(right) + 1) + right[-1])
    following = np.append(ranked[1:], 0.0)
    best = np.where(ranked > following, f1, -1.0).argmax()  # equal probabilities are predicted together
    return float((ranked[best] + following[best]) / 2)
