"""Test examples on which objectives disagree: the predictions over seeds, and how often they are right."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cmploss.errors import UserError
from cmploss.experiment.example_store import Text
from cmploss.reports.table import ComparisonTable

_LONGEST = 400  # characters of a text on the page
_EQUAL = 1e-9
_ANSWERS = 4  # different predictions of an objective on one example


def disagreements(table: ComparisonTable, texts: Mapping[str, Sequence[Text]], *, most: int) -> dict[str, Any] | None:
    """The examples on which objectives differ, for the page; None without two objectives to compare.

    The score of an example is the primary measure, or ``score``, if records have it for each example. Else it is the
    share of seeds that predict the label, or for numbers minus the mean distance from the label. Objectives
    are compared over the seeds that all of them have.

    ``gains`` counts the examples on which an objective is better, equal and worse than the baseline. ``shown`` has the
    examples with the largest differences: ``n`` (number from 1), ``label``, ``text``, ``more`` (second text), ``r``
    (one per objective: score, how good, what was predicted, probability, numbers of the predicted classes). ``labels``
    are the labels to choose from, () without classes; ``word`` is the name of the right answer.
    """
    split, measure = str(table.benchmark.eval_split), table.benchmark.measure
    predicted = {
        row.objective: {seed: run for seed, run in row.runs.items() if split in run.predictions} for row in table.rows
    }
    runs = {objective: of for objective, of in predicted.items() if of}
    if len(runs) < 2:
        return None
    seeds = sorted(set.intersection(*(set(of) for of in runs.values())))
    used = {objective: [of[seed] for seed in seeds] for objective, of in runs.items()}
    fingerprints = {run.split(split).get("sha256") for of in used.values() for run in of}
    if len(fingerprints) != 1:  # no shared seed, or each has another test split
        return None
    answers = {objective: [run.predictions[split] for run in of] for objective, of in used.items()}
    names = tuple(next(iter(used.values()))[0].data.get("label_names") or ())
    scores = {
        objective: np.mean([_scores(found, measure, names) for found in of], axis=0)
        for objective, of in answers.items()
    }
    spread = np.ptp(np.stack(list(scores.values())), axis=0)
    order = [int(place) for place in np.argsort(-spread, kind="stable") if spread[place] > _EQUAL]
    known = texts.get(str(*fingerprints), ())
    if known and len(known) != len(spread):
        raise UserError(f"{split}: {len(known)} texts for {len(spread)} predictions; remove the file of its texts")
    base = scores.get(table.baseline)
    gaps = {name: of - base for name, of in scores.items() if base is not None and name != table.baseline}
    first = next(iter(answers.values()))[0]
    return {
        "objectives": tuple(runs),
        "seeds": len(seeds),
        "total": len(spread),
        "differing": len(order),
        "gains": {
            name: [int(of.sum()) for of in (gap > _EQUAL, np.abs(gap) <= _EQUAL, gap < -_EQUAL)]
            for name, gap in gaps.items()
        },
        "shown": [_item(place, answers, scores, measure, names, known) for place in order[:most]],
        "labels": names,
        "has_texts": bool(known),
        "word": "id" if "labels" not in first else "answer" if isinstance(first["labels"][0], list) else "label",
    }


def _scores(found: Mapping[str, Any], measure: str, names: Sequence[str]) -> NDArray[np.float64]:
    if (own := _own(found, measure)) is not None:
        return np.array(found[own], dtype=float)
    guesses, labels = (np.array(found[name], dtype=float) for name in ("predictions", "labels"))
    return np.where(guesses == labels, 100.0, 0.0) if names else -np.abs(guesses - labels)


def _own(found: Mapping[str, Any], measure: str) -> str | None:
    """The column with the score of each example: the measure, else ``score``."""
    return next((name for name in (measure, "score") if name in found), None)


def _item(
    place: int,
    answers: Mapping[str, Sequence[Mapping[str, Any]]],
    scores: Mapping[str, NDArray[np.float64]],
    measure: str,
    names: Sequence[str],
    texts: Sequence[Text],
) -> dict[str, Any]:
    first = next(iter(answers.values()))[0]
    label = first.get("labels", first.get("ids"))[place]
    text, more = texts[place] if texts else ("", "")
    references = label if isinstance(label, list) else []
    return {
        "n": place + 1,
        "label": _label(label, names),
        "text": _shortened(text),
        "more": _shortened(more, references),
        "r": [_result(place, found, float(scores[name][place]), measure, names) for name, found in answers.items()],
    }


def _label(label: Any, names: Sequence[str]) -> str:
    if isinstance(label, list):  # reference answers
        return " / ".join(dict.fromkeys(label)) or "no answer"
    if isinstance(label, str):
        return label
    return names[label] if names else f"{label:g}"


def _result(
    place: int, found: Sequence[Mapping[str, Any]], score: float, measure: str, names: Sequence[str]
) -> list[Any]:
    """Score, its text, predictions over the seeds, probability of the label, predicted classes."""
    if "predictions" not in found[0]:
        return [round(score, 1), f"{measure} {score:.1f}", "", ""]
    guesses = [run["predictions"][place] for run in found]
    if (own := _own(found[0], measure)) is not None:
        return [round(score, 1), f"{own} {score:.0f}", _counted([guess or "no answer" for guess in guesses]), ""]
    if not names:
        spread = f"{min(guesses):.2f} to {max(guesses):.2f}" if len(guesses) > 1 else f"{guesses[0]:.2f}"
        return [round(score, 3), f"off by {abs(score):.2f}", spread.replace("-", "−"), ""]
    label = found[0]["labels"][place]
    right = sum(guess == label for guess in guesses)
    rows = [run["probabilities"][place] for run in found if "probabilities" in run]  # a task of a user may have none
    chances, between = [row[label] for row in rows], ""
    if chances and None not in chances:  # earlier versions kept runs that had diverged
        between = f"{np.mean(chances):.2f}" + (f" ({min(chances):.2f}–{max(chances):.2f})" if len(chances) > 1 else "")
    return [
        round(score, 1),
        f"right in {right} of {len(found)}",
        _counted([names[guess] for guess in guesses]),
        between,
        sorted(set(guesses)),
    ]


def _counted(guesses: Sequence[str]) -> str:
    counts = Counter(guesses).most_common()
    shown = [_shortened(guess) + (f" ×{count}" if len(guesses) > 1 else "") for guess, count in counts[:_ANSWERS]]
    return " · ".join([*shown, *(["…"] if len(counts) > _ANSWERS else [])])


def _shortened(text: str, around: Sequence[str] = ()) -> str:
    """The beginning of a text, or the piece around the first answer that occurs in it."""
    if len(text) <= _LONGEST:
        return text
    found = [place for answer in around if (place := text.find(answer)) >= 0]
    start = max(0, min(found[0] - _LONGEST // 2, len(text) - _LONGEST)) if found else 0
    piece = text[start : start + _LONGEST]
    return f"{'…' if start else ''}{piece}{'…' if start + _LONGEST < len(text) else ''}"
