"""Exact match and F1 of answers, in percent, as in the official scripts of SQuAD and HotpotQA.

References: Rajpurkar et al. 2016 (arXiv 1606.05250) and 2018 (arXiv 1806.03822); Yang et al. 2018 (arXiv 1809.09600).
"""

import re
import string
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from cmploss.errors import UserError

CLOSED_ANSWERS = ("yes", "no", "noanswer")
"""Answers of HotpotQA that are right or wrong as a whole: ``closed=CLOSED_ANSWERS`` gives its answer EM and F1."""

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalise_answer(answer: str) -> str:
    """Lower case, without ASCII punctuation, without the articles a, an and the, single spaces.

    Examples:
        >>> normalise_answer("The U.S.A.,  a  country")
        'usa country'
    """
    return " ".join(_ARTICLES.sub(" ", answer.lower().translate(_PUNCTUATION)).split())


def answer_scores(prediction: str, references: Sequence[str], *, closed: Collection[str] = ()) -> tuple[float, float]:
    """Exact match and F1 of one prediction, each the best over the references, in percent.

    Both compare normalised answers. Exact match is 100 or 0. ``F1 = 2 · common / (words_prediction +
    words_reference)``, where common counts the words of both with their repetitions; if one of them has no words, F1 is
    100 if the other has none either, else 0.

    If there is no reference, or none has a word left, ``""`` is the right answer. Normalised answers in ``closed`` are
    right or wrong as a whole: F1 is 100 if both are equal, else 0.

    Examples:
        Of 2 and 4 words 2 are common: 2 · 2 / (2 + 4).

        >>> answer_scores("the old lamp", ["a very old brown lamp"])
        (0.0, 66.66666666666666)
    """
    predicted = normalise_answer(prediction)
    known = [words for words in map(normalise_answer, references) if words] or [""]
    exact = max(float(predicted == words) for words in known)
    return 100 * exact, 100 * max(_overlap(predicted, words, closed) for words in known)


def exact_match_f1(
    predictions: Mapping[str, str], references: Mapping[str, Sequence[str]], *, closed: Collection[str] = ()
) -> dict[str, float]:
    """Mean exact match and F1 over questions, in percent: see :func:`answer_scores`.

    Args:
        predictions: Question id → answer, ``""`` to give none; for every question of ``references``.
        references: Question id → right answers, empty if the question has no answer.
        closed: As in :func:`answer_scores`; ``CLOSED_ANSWERS`` for HotpotQA.

    Returns:
        ``{"exact_match": …, "f1": …}``.

    Raises:
        UserError: No questions, a question without a prediction, a prediction without a question, or answers of the
            wrong type; names the id.

    Examples:
        >>> exact_match_f1({"a": "The lamp", "b": "old lamp"}, {"a": ["lamp"], "b": ["lamp", "door"]})
        {'exact_match': 50.0, 'f1': 83.33333333333333}
    """
    exact, f1 = _score_table(predictions, references, closed).mean(axis=0).tolist()
    return {"exact_match": exact, "f1": f1}


def best_thresholds(
    predictions: Mapping[str, str], references: Mapping[str, Sequence[str]], null_differences: Mapping[str, float]
) -> dict[str, float]:
    """Thresholds on the null difference that give the best exact match and the best F1; choose them on validation data.

    A question gets no answer if its null difference (null score − score of the best span) is above the threshold. All
    thresholds that change an answer are compared.

    Args:
        predictions: Question id → best span as text, whatever its null score.
        references: As in :func:`exact_match_f1`.
        null_differences: Question id → null score − score of the best span; inf if there is no span.

    Returns:
        ``best_exact_match`` and ``best_f1`` in percent, ``best_exact_match_threshold`` and ``best_f1_threshold``: the
        largest difference that is still answered, or a number just below all of them if it is best to answer nothing.
        Of equally good thresholds, the smallest is taken.

    Raises:
        UserError: As :func:`exact_match_f1`, or for a difference that is missing, unknown or not a number.

    Examples:
        The answer to ``a`` is right and ``b`` has none, so −2 is the threshold that drops ``b`` alone.

        >>> best = best_thresholds({"a": "lamp", "b": "door"}, {"a": ["lamp"], "b": []}, {"a": -2.0, "b": 0.5})
        >>> best["best_f1"], best["best_f1_threshold"]
        (100.0, -2.0)
    """
    answered = _score_table(predictions, references)
    unanswered = _score_table(dict.fromkeys(references, ""), references)
    _check_ids(null_differences, references, "null difference")
    differences = np.array([null_differences[question] for question in references], dtype=float)
    for question, difference in zip(references, differences, strict=True):
        if not difference > -np.inf:
            raise UserError(f"question {question!r}: null difference must be a number or inf, got {difference}")
    order = differences.argsort()
    # Row k: the gain when the k smallest differences are answered. Rounded, so that sums in another order stay equal.
    gains = np.vstack([np.zeros(2), (answered - unanswered)[order].cumsum(axis=0)]).round(6)
    thresholds = np.insert(differences[order], 0, np.nextafter(differences.min(), -np.inf))
    possible = np.append(thresholds[1:] != thresholds[:-1], True)  # equal differences are answered together
    best = gains[possible].argmax(axis=0)
    scores = unanswered.mean(axis=0) + gains[possible].max(axis=0) / len(references)
    found = {}
    for column, name in enumerate(("exact_match", "f1")):
        found[f"best_{name}"] = float(scores[column])
        found[f"best_{name}_threshold"] = float(thresholds[possible][best[column]])
    return found


def _overlap(predicted: str, words: str, closed: Collection[str]) -> float:
    """F1 between 0 and 1 of two normalised answers."""
    ours, theirs = predicted.split(), words.split()
    if not ours or not theirs or predicted in closed or words in closed:
        return float(predicted == words)
    return 2 * (Counter(ours) & Counter(theirs)).total() / (len(ours) + len(theirs))


def _score_table(
    predictions: Mapping[str, str], references: Mapping[str, Sequence[str]], closed: Collection[str] = ()
) -> NDArray[np.float64]:
    """Exact match and F1 of each question ``(questions, 2)``, in the order of the references."""
    if not references:
        raise UserError("there are no questions to score; give at least one with its right answers")
    _check_ids(predictions, references, "prediction")
    for question, answers in references.items():
        if isinstance(answers, (str, Mapping)) or not all(isinstance(answer, str) for answer in answers):
            form = "the list in its 'text'" if isinstance(answers, Mapping) else "a list of strings"
            raise UserError(f"question {question!r}: its right answers are {answers!r}; give {form}")
        if not isinstance(predictions[question], str):
            raise UserError(f"question {question!r}: its prediction is {predictions[question]!r}; give a string")
    return np.array([answer_scores(predictions[each], answers, closed=closed) for each, answers in references.items()])


def _check_ids(given: Mapping[str, object], questions: Mapping[str, object], what: str) -> None:
    missing = next((question for question in questions if question not in given), None)
    if missing is not None:
        raise UserError(f"question {missing!r} has no {what}; give one for each of the {len(questions)} questions")
    unknown = next((question for question in given if question not in questions), None)
    if unknown is not None:
        raise UserError(f"there is a {what} for {unknown!r}, which is not one of the {len(questions)} questions")
