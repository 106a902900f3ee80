"""The relevance of a passage for a query: one sigmoid for each pair, and measures of the ranking of each query."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from transformers import DataCollatorWithPadding

from cmploss.retrieval.scoring import Scores, score_run
from cmploss.retrieval.trec_files import Run
from cmploss.tasks.rerank.judged_rows import Judged, qrels_of
from cmploss.tasks.rows.row_kind import Found, RowKind
from cmploss.tasks.run_examples import Collator


class RerankKind(RowKind):
    """Pairs of a query and a passage."""

    head = "SequenceClassification"
    pipeline = "text-ranking"
    measures = ("nDCG@10", "RR@10")

    @property
    def config(self) -> dict[str, Any]:
        return {**super().config, "problem_type": "multi_label_classification"}  # of one label: binary cross-entropy

    @property
    def description(self) -> str:
        return "passages ranked for queries"

    @property
    def collator(self) -> Collator:
        return DataCollatorWithPadding(self.tokenizer)

    def texts_of_input(self, examples: Sequence[Judged]) -> int:
        return 2

    def encoded(self, examples: Sequence[Judged], **options: Any) -> dict[str, list[Any]]:
        queries, passages = zip(*(example.shown for example in examples), strict=True)
        labels = [[float(example.grade > 0)] for example in examples]
        return {**self.tokenizer(list(queries), list(passages), **options), "labels": labels}

    def scores(self, found: Found, tuned: float | None) -> dict[str, float]:
        return {name: 100 * float(values.mean()) for name, values in self._of_queries(found).items()}

    def lists(self, found: Found, tuned: float | None) -> dict[str, list[Any]]:
        """By query: the relevant passages, the first of the ranking, and the measures."""
        qrels, run = qrels_of(found.examples), run_of(found)
        values = {name: (100 * of).round(3).tolist() for name, of in self._of_queries(found).items()}
        return {
            "ids": list(qrels),
            "labels": [[passage for passage, grade in of.items() if grade > 0] for of in qrels.values()],
            "predictions": [max(run[query], key=lambda passage: run[query][passage]) for query in qrels],
            **values,
        }

    def texts(self, examples: Sequence[Judged]) -> list[tuple[str, str]]:
        """Each query with its relevant passages."""
        scored = qrels_of(examples)
        of: dict[str, tuple[str, list[str]]] = {each.query_id: (each.query, []) for each in examples}
        for each in examples:
            of[each.query_id][1].extend([each.passage] if each.grade > 0 else [])
        return [(of[query][0], "\n".join(of[query][1])) for query in scored]

    def written(self, found: Found, tuned: float | None) -> tuple[Sequence[str], Sequence[Mapping[str, Any]]]:
        rows = [
            {
                "query_id": example.query_id,
                "passage_id": example.passage_id,
                "query": example.query,
                "passage": example.passage,
                "score": f"{logits.item():.4f}",
            }
            for example, logits in zip(found.examples, found.logits, strict=True)
        ]
        return list(rows[0]), rows

    def _of_queries(self, found: Found) -> Scores:
        return score_run(run_of(found), qrels_of(found.examples), measures=self.measures)


def run_of(found: Found) -> Run:
    """The logit of each passage by query."""
    run: Run = {}
    for example, logits in zip(found.examples, found.logits, strict=True):
        run.setdefault(example.query_id, {})[example.passage_id] = float(np.asarray(logits).item())
    return run
