"""Evaluations of feedback that never searched: scores as given, everything else as plain as can be."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cmploss.experiment import FeedbackRecord
from cmploss.retrieval import MEASURES, PRIMARY
from cmploss.tasks.prf import Row, more_feedback, record_rows

Scores = Mapping[tuple[str, int | None], ArrayLike]
"""(method, passages) -> value of each query, or of each seed and query; the first is the one without feedback."""


def evaluation_of(scores: Scores, **changes: Any) -> FeedbackRecord:
    """The record of an evaluation whose measures all have the same values; two dimensions mean seeds 0, 1 …"""
    arrays = {key: np.array(values, dtype=float) for key, values in scores.items()}
    rows = [
        Row(method, passages, dict.fromkeys(MEASURES, values), tuple(range(len(values))) if values.ndim == 2 else ())
        for (method, passages), values in arrays.items()
    ]
    queries = rows[0].scores[PRIMARY].size
    given: dict[str, Any] = {
        "settings": {"index": {"model": "tiny"}, "depth": 1000, "relevance_level": 1},
        "data": {
            "documents": 40,
            "queries": [f"q{number}" for number in range(1, queries + 1)],
            "texts": [f"the text of query {number}" for number in range(1, queries + 1)],
            "judgements": 3 * queries,
            "queries_without_judgements": 1,
        },
        "reformulators": {
            row.method: {
                "runs": [f"{row.method}-{seed}" for seed in row.seeds],
                "seeds": list(row.seeds),
                "settings": {"objective": f"Feedback({row.method})", "training": {"max_steps": 6}},
            }
            for row in rows
            if row.seeds
        },
        "primary": PRIMARY,
        "rows": record_rows(rows),
        "more": more_feedback(rows),
        "environment": {"python": "3.11.7", "device": "CPU"},
        "command": "cmploss retrieve evaluate --index index --queries queries.tsv --qrels qrels.txt",
        "created": "2026-01-31T12:00:00+00:00",
    }
    return FeedbackRecord(**(given | changes))


def drawn(queries: int, gains: Mapping[tuple[str, int | None], Sequence[float]], *, noise: float = 0.1) -> Scores:
    """Random scores without feedback, and for every method and number what it gains, one number for each seed."""
    draw = np.random.default_rng(0)
    base = draw.choice([0.0, 0.39, 0.63, 1.0], queries)
    found: dict[tuple[str, int | None], ArrayLike] = {("none", 0): base}
    for key, means in gains.items():
        runs = [np.clip(base + mean + noise * draw.standard_normal(queries), 0, 1) for mean in means]
        found[key] = np.stack(runs) if len(runs) > 1 else runs[0]
    return found


def typical(queries: int = 300) -> FeedbackRecord:
    """Average feedback that hurts ever more, two trained reformulators of three seeds, and another tool."""
    gains: dict[tuple[str, int | None], Sequence[float]] = {
        **{("average", k): [0.01 - 0.02 * k] for k in (1, 2, 3)},
        **{("one", k): [0.02 + 0.005 * k, 0.03, 0.01 + 0.005 * k] for k in (0, 1, 2, 3)},
        **{("lol", k): [0.02 + 0.01 * k, 0.025 + 0.01 * k, 0.03 + 0.012 * k] for k in (0, 1, 2, 3)},
        ("bm25", None): [-0.05],
    }
    return evaluation_of(drawn(queries, gains))
