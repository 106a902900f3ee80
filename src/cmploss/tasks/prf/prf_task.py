"""What decides the outcome of training a reformulator: its data and its settings."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cmploss.choices import Engine
from cmploss.errors import UserError
from cmploss.experiment.spec import ObjectiveSpec
from cmploss.model_config import ModelConfig
from cmploss.objectives import LoL
from cmploss.retrieval.corpus import Texts
from cmploss.retrieval.index import Index
from cmploss.retrieval.index_builder import texts_fingerprint
from cmploss.retrieval.scoring import PRIMARY, run_of, score_run
from cmploss.retrieval.trec_files import Qrels
from cmploss.studies.run_config import RunConfig
from cmploss.studies.study_config import TRAINING_DEFAULTS
from cmploss.tasks.prf.prf_config import FeedbackConfig
from cmploss.tasks.prf.prf_training import RankedQueries, published_training

UNIT_SCALE = 20.0  # ours: scores of unit vectors lie in [−1, 1], and a softmax over thousands is then nearly uniform


@dataclass(frozen=True)
class ReformulatorConfig:
    """How a reformulator is trained.

    Attributes:
        model: Where the index's model is, if it has moved; for an index made elsewhere the encoder to start from.
        revisions: Revisions of each query that are trained together, 1+n.
        feedback_weight: λ of the comparison between revisions; with 0, or one revision, none.
        shuffle: Whether the passages of a revision are a random choice in random order.
        score_scale: Factor on scores in the loss; by default 20 for unit vectors and 1 for others.
        engine: How the passes are run.
        seed: Seeds dropout, the order of the queries, and the sizes of their feedback.
    """

    model: str | None = None
    revisions: int = 2
    feedback_weight: float = 1.0
    shuffle: bool = False
    score_scale: float | None = None
    engine: Engine = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        try:
            LoL(self.feedback_weight, revisions=self.revisions, engine=self.engine)
        except ValueError as error:
            raise UserError(str(error)) from error
        if self.score_scale is not None and not self.score_scale > 0:
            raise UserError(f"--score_scale {self.score_scale} is out of range; give a number above 0")


@dataclass(frozen=True, eq=False)
class FeedbackTask:
    """What a reformulator is trained and validated on.

    Attributes:
        index: In whose space it writes.
        documents: Text of every row.
        train: Training queries.
        validation: Validation queries, if there are any.
        qrels: Judgements of the validation queries.
        level: The least grade that is relevant.
        name: For the record.
    """

    index: Index
    documents: Sequence[str]
    train: RankedQueries
    validation: RankedQueries | None = None
    qrels: Qrels = field(default_factory=dict)
    level: int = 1
    name: str = "feedback"

    @property
    def kind(self) -> str:
        """``"dense"`` or ``"sparse"``."""
        return self.index.kind

    @property
    def parts(self) -> dict[str, RankedQueries]:
        """Training and validation queries, as far as there are any."""
        return {"train": self.train} | ({} if self.validation is None else {"validation": self.validation})

    def measure(self, vectors: NDArray[np.float32]) -> dict[str, float]:
        """nDCG@10 of a search with vectors of the validation queries."""
        assert self.validation is not None
        run = run_of(self.validation.ids, self.index, self.index.search(vectors.astype(np.float32), 10))
        qrels = {query: self.qrels[query] for query in self.validation.ids}
        return {PRIMARY: float(score_run(run, qrels, self.level)[PRIMARY].mean())}


@dataclass(frozen=True)
class FeedbackRun:
    """Everything but the data that decides the outcome of a training run.

    Attributes:
        config: Of the reformulator.
        feedback: What it reads.
        training: Fields of ``transformers.TrainingArguments``; those of the paper where none are given.
    """

    config: ReformulatorConfig = field(default_factory=ReformulatorConfig)
    feedback: FeedbackConfig = field(default_factory=FeedbackConfig)
    training: Mapping[str, Any] = field(default_factory=dict)

    def run_config(self, task: FeedbackTask) -> RunConfig:
        """The run in the words of :mod:`cmploss.studies`, which checks it.

        Raises:
            UserError: For a training option that is refused.
        """
        config = self.config
        published = published_training(task.kind, config.revisions)
        if "max_steps" in self.training:
            del published["num_train_epochs"]
        return RunConfig(
            ObjectiveSpec.of(LoL(config.feedback_weight, revisions=config.revisions, engine=config.engine), "lol"),
            config.seed,
            ModelConfig(config.model or task.index.model, self.feedback.input_length),
            training={**published, **self.training},
        )

    def score_scale(self, task: FeedbackTask) -> float:
        """The factor on scores in the loss: as given, else 20 for a retriever of unit vectors and 1 for others."""
        made = task.index.settings
        unit = "Normalize" in made.get("modules", ()) or made.get("token_weights") == "l2"
        return self.config.score_scale or (UNIT_SCALE if unit else 1.0)

    def settings(self, task: FeedbackTask) -> dict[str, Any]:
        """All settings in JSON types."""
        run = self.run_config(task)
        steps = run.steps(len(task.train))
        return {
            "task": task.name,
            "data": {part: queries_fingerprint(ranked) for part, ranked in task.parts.items()},
            "index": {"model": task.index.model, **task.index.settings},
            "objective": run.spec.to_dict(),
            "reformulator": {
                **asdict(self.config),
                **asdict(self.feedback),
                "score_scale": self.score_scale(task),
            },
            "seed": run.seed,
            "model": run.model_config.model,
            "training": {**TRAINING_DEFAULTS, **run.training, "max_steps": steps},
        }


def queries_fingerprint(ranked: RankedQueries) -> dict[str, Any]:
    """The number of queries, and 16 hexadecimal digits of SHA-256 over their texts, results and judgements."""
    digest = hashlib.sha256("\n".join([*ranked.ids, *ranked.texts]).encode())
    for rows in (*ranked.retrieved, *ranked.relevant):
        digest.update(np.array([len(rows), *rows], dtype=np.int64).tobytes())
    return {"queries": len(ranked), "sha256": digest.hexdigest()[:16]}


def check_documents(documents: Texts, index: Index) -> list[str]:
    """The text of every row of an index.

    Raises:
        UserError: The documents are not those of the index, or in another order.
    """
    made_of = index.settings.get("collection")
    if documents.ids != index.ids or made_of not in (None, texts_fingerprint(documents)):
        raise UserError(f"{documents.source}: holds other documents than the index; give the file that it was made of")
    return documents.texts
