"""Training a query reformulator: what it reads, the matrix that its losses go over, its Trainer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from transformers import PrinterCallback, TrainerCallback, TrainingArguments

from cmploss.errors import UserError
from cmploss.losses import PassageMatrix, reformulation_losses
from cmploss.objectives import LoL
from cmploss.retrieval.corpus import Texts
from cmploss.retrieval.vector_models import VectorModel
from cmploss.tasks.prf.revisions import FeedbackCollator, FeedbackDataset, FeedbackReader
from cmploss.training import ObjectiveTrainer

REVISIONS_PER_STEP, REVISIONS_OF_QUERY = 108, 12
LEARNING_RATES = {"dense": 1e-5, "sparse": 2e-5}


@dataclass(frozen=True)
class RankedQueries:
    """Queries with what a first pass retrieved for them and what is relevant, as rows of an index.

    Attributes:
        ids: Of the queries.
        texts: In the same order.
        retrieved: Rows, best first.
        relevant: Rows, at least one for each query.
        unused: Judged queries that were left out, as nothing is relevant to them.
    """

    ids: list[str]
    texts: list[str]
    retrieved: list[list[int]]
    relevant: list[list[int]]
    unused: int = 0

    def __len__(self) -> int:
        return len(self.ids)


def ranked_queries(
    queries: Texts,
    qrels: Mapping[str, Mapping[str, int]],
    run: Mapping[str, Mapping[str, float]],
    rows: Mapping[str, int],
    *,
    level: int = 1,
) -> RankedQueries:
    """The judged queries that have a relevant document, with their results.

    Args:
        queries: Texts; may hold more than the judged ones.
        qrels: Query -> document -> grade.
        run: Query -> document -> score: the first pass.
        rows: Document -> row of the index.
        level: The least grade that is relevant.

    Raises:
        UserError: A judged query has no text or no results, a document is not in the index, or nothing is relevant.
    """
    texts = dict(zip(queries.ids, queries.texts, strict=True))
    relevant = {key: [name for name, grade in judged.items() if grade >= level] for key, judged in qrels.items()}
    found = {key: names for key, names in relevant.items() if names}
    if not found:
        raise UserError(f"no query has a document of grade {level} or more; choose a lower --relevance_level")
    for key in found:
        if key not in texts:
            raise UserError(f"{queries.source}: judged query {key!r} is not among the queries; give its text")
        if not run.get(key):
            raise UserError(f"the run has no results for query {key!r}; make it with cmploss retrieve search")
    # Of equal scores the larger id comes first, as trec_eval and ir_measures read a run.
    ranked = {key: sorted(run[key], key=lambda name: (run[key][name], name), reverse=True) for key in found}
    return RankedQueries(
        list(found),
        [texts[key] for key in found],
        [_rows(key, ranked[key], rows, "the run retrieves") for key in found],
        [_rows(key, names, rows, "relevant is") for key, names in found.items()],
        unused=len(relevant) - len(found),
    )


def _rows(query: str, names: Sequence[str], rows: Mapping[str, int], what: str) -> list[int]:
    unknown = [name for name in names if name not in rows]
    if unknown:
        raise UserError(f"query {query!r}: {what} document {unknown[0]!r}, which the index does not have")
    return [rows[name] for name in names]


@dataclass(frozen=True, eq=False)
class PassageRows:
    """Some rows of a matrix as a matrix of their own, read when they are needed.

    Attributes:
        matrix: ``(N, H)``, such as an index's memory-mapped vectors.
        rows: Ascending.
    """

    matrix: PassageMatrix
    rows: NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, int]:
        """``(len(rows), H)``."""
        return len(self.rows), self.matrix.shape[1]

    def __getitem__(self, chosen: Any, /) -> Any:
        """Rows of the matrix, by their place among the chosen ones."""
        return self.matrix[self.rows[chosen]]


def candidates(matrix: PassageMatrix, *parts: RankedQueries) -> PassageRows:
    """The matrix that losses go over: all that was retrieved for any query, and all that is relevant to one."""
    rows = {row for part in parts for group in (part.retrieved, part.relevant) for each in group for row in each}
    return PassageRows(matrix, np.array(sorted(rows), dtype=np.int64))


def feedback_dataset(
    ranked: RankedQueries, documents: Sequence[str], passages: PassageRows, reader: FeedbackReader, **options: Any
) -> FeedbackDataset:
    """Ranked queries as a data set.

    Args:
        ranked: The queries.
        documents: Text of every row of the index.
        passages: In whose rows relevant passages are counted.
        reader: Texts to revisions.
        **options: Of :class:`cmploss.tasks.prf.FeedbackDataset`.
    """
    most = reader.config.max_feedback
    retrieved = [[documents[row] for row in rows[:most]] for rows in ranked.retrieved]
    relevant = [np.searchsorted(passages.rows, rows).tolist() for rows in ranked.relevant]
    return FeedbackDataset(ranked.texts, retrieved, relevant, reader, **options)


@dataclass(frozen=True, eq=False)
class ReformulationLoss:
    """The task loss of a reformulator, for an objective or ``ObjectiveTrainer(task_loss=…)``.

    Attributes:
        passages: The matrix ``(passages, H)``.
        scale: By which scores are multiplied (see :func:`cmploss.losses.reformulation_losses`).
    """

    passages: PassageMatrix
    scale: float = 1.0

    def __call__(self, outputs: Any, labels: Mapping[str, Tensor]) -> Tensor:
        """Outputs with ``vectors`` and labels with ``relevant`` to losses ``(batch,)``."""
        return reformulation_losses(outputs.vectors, labels["relevant"], self.passages, scale=self.scale)


def published_training(kind: str, revisions: int) -> dict[str, Any]:
    """Training arguments of the paper, by which every number of revisions is seen equally often.

    >>> found = published_training("dense", 2)
    >>> found["per_device_train_batch_size"], found["num_train_epochs"], found["learning_rate"]
    (54, 6.0, 1e-05)

    Source: Zhu et al. 2022 (arXiv 2204.11545): 108/(1+n) queries a step, 12/(1+n) epochs, warm-up 10 %.
    """
    return {
        "per_device_train_batch_size": max(REVISIONS_PER_STEP // revisions, 1),
        "num_train_epochs": REVISIONS_OF_QUERY / revisions,
        "learning_rate": LEARNING_RATES[kind],
        "warmup_steps": 0.1,
        "train_sampling_strategy": "random",
    }


Measure = Callable[[NDArray[np.float32]], dict[str, float]]
"""Vectors of the validation queries ``(Q, H)`` -> scores by name."""


def reformulator_trainer(
    model: VectorModel,
    args: TrainingArguments,
    objective: LoL,
    task_loss: ReformulationLoss,
    train: FeedbackDataset,
    validation: FeedbackDataset | None = None,
    measure: Measure | None = None,
    callbacks: Sequence[TrainerCallback] = (),
) -> ObjectiveTrainer:
    """The Trainer of a reformulator; validation reports the loss of its data set, and what ``measure`` says of vectors.

    Args:
        model: What is trained.
        args: Of the Trainer.
        objective: ``LoL(…)`` with as many revisions as the training data.
        task_loss: Over the matrix in whose rows both data sets count.
        train: Training queries.
        validation: Validation queries, with a fixed size of feedback.
        measure: Scores of validation vectors, such as nDCG@10 of a search with them.
        callbacks: For the Trainer.
    """
    trainer = ObjectiveTrainer(
        model=model,
        args=args,
        objective=objective,
        task_loss=task_loss,
        train_dataset=train,
        eval_dataset=validation,
        data_collator=FeedbackCollator(train.reader.tokenizer, model),
        compute_metrics=None if measure is None else lambda result: measure(np.asarray(result.predictions)),
        callbacks=list(callbacks),
    )
    trainer.label_names = ["relevant"]  # the Trainer looks for labels in a model's signature, which has none
    trainer.remove_callback(PrinterCallback)
    return trainer
