"""Pseudo-relevance feedback as a task: train a query reformulator, and score searches with its vectors."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from cmploss.atomic import write_json
from cmploss.errors import UserError
from cmploss.experiment import RunRecord, Score
from cmploss.losses.loss_over_losses import PassageMatrix, reformulation_losses
from cmploss.model_config import DEFAULT_MODEL, ModelConfig
from cmploss.models import load_tokenizer
from cmploss.options import Options
from cmploss.retrieval.encoder import Encoder, load_encoder
from cmploss.retrieval.encoder_config import EncoderConfig
from cmploss.retrieval.index import Index
from cmploss.retrieval.index_builder import encoder_of, has_known_encoder
from cmploss.retrieval.ranking_measures import MEASURES
from cmploss.retrieval.scoring import Scores, run_of, score_run
from cmploss.retrieval.vector_models import VectorModel, sparse_model
from cmploss.tasks.ablation_curve import Submodels
from cmploss.tasks.base import LearningTask, Results, Sample, eval_split, splits_to_score
from cmploss.tasks.prf.prf_config import FeedbackConfig, PrfConfig
from cmploss.tasks.prf.prf_data import QUERIES_FILE, PrfData, RankedQueries, load_prf_data, query_key
from cmploss.tasks.prf.reformulators import TrainedFeedback, dense_reformulator, load_reformulator
from cmploss.tasks.prf.revisions import FeedbackCollator, FeedbackDataset, FeedbackReader
from cmploss.tasks.splits import SELECTION_SPLIT, Split

KINDS = ("supervised", "no_dropout", "lol")
"""Objectives that apply; the others need dropout ablation or class labels."""
UNIT_SCALE = 20.0  # ours: scores of unit vectors lie in [−1, 1]; a softmax over thousands of them is nearly uniform
DEPTH = 1000  # documents per scored search
SAMPLES = 64  # documents whose vectors are looked at
REVISIONS_PER_STEP, REVISIONS_OF_QUERY = 108, 12
LEARNING_RATES = {"dense": 1e-5, "sparse": 2e-5}


@dataclass(frozen=True, eq=False)
class PassageRows:
    """Some rows (ascending) of a matrix, such as memory-mapped vectors, as a matrix; read on demand."""

    matrix: PassageMatrix
    rows: NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.rows), self.matrix.shape[1]

    def __getitem__(self, chosen: Any, /) -> Any:
        return self.matrix[self.rows[chosen]]


def candidates(data: PrfData) -> PassageRows:
    """The passages that losses are computed over: all relevant or retrieved passages of training and validation.

    If ``data`` has a matrix, its rows are in place of what the training queries retrieved.
    """
    learnt = [ranked for split, ranked in data.splits.items() if split != "test"]
    groups = [group for ranked in learnt for group in ranked.relevant]
    searched = learnt if data.matrix is None else [ranked for ranked in learnt if ranked is not data.splits["train"]]
    groups += [group for ranked in searched for group in ranked.retrieved]
    rows = {row for group in (*groups, data.matrix or ()) for row in group}
    return PassageRows(data.index.vectors, np.array(sorted(rows), dtype=np.int64))


@dataclass(frozen=True, eq=False)
class ReformulationLoss:
    """The task loss of a reformulator over a matrix ``(passages, H)``, for ``ObjectiveTrainer(task_loss=…)``.

    See :func:`cmploss.losses.reformulation_losses`; labels have ``relevant``, outputs ``vectors``.
    """

    passages: PassageMatrix
    scale: float = 1.0

    def __call__(self, outputs: Any, labels: Mapping[str, Tensor]) -> Tensor:
        return reformulation_losses(outputs.vectors, labels["relevant"], self.passages, scale=self.scale)


class PrfTask(LearningTask):
    """Queries with their feedback passages, for a reformulator initialised from the retriever of an index.

    ``model`` is the new location of the index's model, if it has moved; for an index of another tool, the encoder to
    start from. Scores in the loss are multiplied by ``score_scale``, by default 20 for unit vectors and 1 for others.
    """

    model_class = "AutoModel"
    measures = MEASURES
    batch_labels = ("relevant",)

    def __init__(
        self,
        data: PrfData,
        feedback: FeedbackConfig,
        *,
        model: str | None = None,
        shuffle: bool = False,
        score_scale: float | None = None,
    ):
        index = data.index
        self.data, self.feedback, self.shuffle = data, feedback, shuffle
        self.scale = score_scale or (UNIT_SCALE if _is_unit(index) else 1.0)
        self.name, self.notes = data.name, (*data.notes, *_notes_on_few(data, feedback.max_feedback))
        self.sizes = {split: len(ranked) for split, ranked in data.splits.items()}
        self.model = model or index.model
        self.description = f"{len(data.documents)} documents"
        self.settings = {
            "index": {"model": index.model, **index.settings},
            **asdict(feedback),
            "shuffle": shuffle,
            "score_scale": self.scale,
            "relevance_level": data.level,
        }
        self.training = published_training(index.kind, 2)
        self._given = model
        _, tokenizer, prompt = self._start()
        self.reader = FeedbackReader(tokenizer, feedback, prompt=prompt)
        self.passages = candidates(data)
        if data.matrix is not None:
            digest = hashlib.sha256(np.array(data.matrix, dtype=np.int64).tobytes()).hexdigest()[:16]
            self.settings = {**self.settings, "matrix": {"rows": len(data.matrix), "sha256": digest}}

    def fingerprints(self) -> Mapping[Split, str]:
        return {split: ranked.sha256 for split, ranked in self.data.splits.items()}

    def check_run(self, objective: str, submodels: Submodels) -> None:
        """Refuse submodels, and objectives of this package that do not apply; a user's own objective may apply."""
        if ":" not in objective and objective not in KINDS:
            raise UserError(f"--objectives: {objective} does not apply to --task prf; choose from {', '.join(KINDS)}")
        for option, given in (("dropout_power", submodels.powers), ("score_layers", submodels.depths)):
            if given:
                raise UserError(f"--{option} does not apply to --task prf; leave it out")

    def new_model(self, seed: int, start: Path | None = None) -> Any:
        return self._start()[0] if start is None else load_reformulator(start)

    def train(self, sample: Sample, crops: int = 0) -> Any:
        """Every query with ``1 + crops`` revisions, most feedback first; sizes are drawn in every epoch."""
        ranked = self.data.splits["train"]
        if sample.size is not None:
            ranked = ranked.only(sorted(np.random.RandomState(sample.seed).permutation(len(ranked))[: sample.size]))
        return self._dataset(ranked, revisions=1 + crops, shuffle=self.shuffle, seed=sample.seed)

    def validation(self) -> Any:
        ranked = self.data.splits.get(SELECTION_SPLIT)
        return None if ranked is None else self._dataset(ranked, size=self.feedback.max_feedback)

    def collator(self, model: Any) -> Callable[[Any], Any]:
        return FeedbackCollator(self.reader.tokenizer, model)

    def task_loss(self) -> ReformulationLoss:
        return ReformulationLoss(self.passages, self.scale)

    def scorer(self, model: Any) -> Callable[[Any], dict[str, float]]:
        return lambda result: _means(self._scores(SELECTION_SPLIT, np.asarray(result.predictions, dtype=np.float32)))

    def results(self, model: Any, batch_size: int, submodels: Submodels) -> Results:
        """Scores with ``max_feedback`` passages; on the evaluation split also with every smaller number."""
        scores: list[Score] = []
        predictions: dict[str, Any] = {}
        for split in splits_to_score(self):
            if split not in self.sizes:
                continue
            most = self.feedback.max_feedback
            found = {
                size: self._scores(split, self._vectors(model, split, size, batch_size))
                for size in (range(most + 1) if split == eval_split(self) else [most])
            }
            scores += Score.of(split, _means(found[most]))
            for size, of in found.items() if len(found) > 1 else ():
                scores += Score.of(split, _means(of), {"passages": size})
            values = {name: (100 * value).tolist() for name, value in found[most].items()}
            predictions[split] = {"ids": list(self.data.splits[split].ids), **values}
        return Results(scores, predictions)

    def texts(self, split: Split) -> Sequence[tuple[str, str]]:
        """The queries, each with its first retrieved passage."""
        ranked = self.data.splits[split]
        first = [self.data.documents[rows[0]] if rows else "" for rows in ranked.retrieved]
        return list(zip(ranked.texts, first, strict=True))

    def save(self, model: Any, folder: Path, record: RunRecord) -> None:
        self.trained(model).save(folder)
        write_json(folder / QUERIES_FILE, sorted(set(map(query_key, self.data.splits["train"].texts))))

    def trained(self, model: VectorModel) -> TrainedFeedback:
        index = self.data.index
        retriever = {"model": index.model, "weights": index.settings.get("weights")}
        return TrainedFeedback(model, self.reader, retriever)

    def _dataset(self, ranked: RankedQueries, **options: Any) -> FeedbackDataset:
        most = self.feedback.max_feedback
        retrieved = [[self.data.documents[row] for row in rows[:most]] for rows in ranked.retrieved]
        relevant = [np.searchsorted(self.passages.rows, rows).tolist() for rows in ranked.relevant]
        return FeedbackDataset(ranked.texts, retrieved, relevant, self.reader, **options)

    def _vectors(self, model: VectorModel, split: Split, size: int, batch_size: int) -> NDArray[np.float32]:
        ranked = self.data.splits[split]
        passages = [[self.data.documents[row] for row in rows[:size]] for rows in ranked.retrieved]
        return self.trained(model).vectors(ranked.texts, passages, batch_size)

    def _scores(self, split: Split, vectors: NDArray[np.float32]) -> Scores:
        ranked = self.data.splits[split]
        run = run_of(ranked.ids, self.data.index, self.data.index.search(vectors, DEPTH))
        return score_run(run, ranked.qrels, self.data.level)

    def _start(self) -> tuple[VectorModel, PreTrainedTokenizerBase, str]:
        """The reformulator to start from, its tokenizer, and the prefix of a query."""
        index = self.data.index
        if has_known_encoder(index) or (self._given is not None and index.kind == "dense"):
            known = has_known_encoder(index)
            encoder = encoder_of(index, self._given) if known else load_encoder(EncoderConfig(str(self._given)))
            if encoder.width != index.vectors.shape[1]:
                width = index.vectors.shape[1]
                raise UserError(f"model {encoder.name}: makes vectors of width {encoder.width}, the index has {width}")
            if isinstance(encoder, Encoder):
                prompt = encoder.module.prompts.get("query") or ""
                return dense_reformulator(encoder), encoder.module.tokenizer, prompt
            return encoder.model, encoder.tokenizer, ""
        if self._given is None:
            raise UserError(
                f"--model is missing: the {index.kind} index of {index.model} is of another tool and does not name the "
                "encoder that a reformulator starts from"
            )
        tokenizer = load_tokenizer(self._given)
        return sparse_model(self._given, tokenizer, width=index.vectors.shape[1]), tokenizer, ""


def _is_unit(index: Index) -> bool:
    """Whether vectors have length 1, those without a term apart; shortened token weights have less."""
    lengths = np.linalg.norm(index.rows(np.arange(min(len(index.ids), SAMPLES))), axis=1)
    return index.settings.get("token_weights") == "l2" or bool(np.allclose(lengths[lengths > 0], 1, atol=0.01))


def load_task(options: Options) -> PrfTask:
    config, model = options[PrfConfig], options[ModelConfig]
    if model.max_length is not None:
        raise UserError("--max_length does not apply to --task prf; give --input_length")
    for option in ("num_layers", "reinit_layers", "freeze", "lora"):
        if getattr(model, option):
            raise UserError(f"--{option} does not apply to --task prf; leave it out")
    given = "model" in options.given or model.model != DEFAULT_MODEL
    return make_task(config, options[FeedbackConfig], model.model if given else None)


def _notes_on_few(data: PrfData, most: int) -> list[str]:
    """Notes on queries with fewer results than passages that may be read."""
    few = {split: sum(len(rows) < most for rows in ranked.retrieved) for split, ranked in data.splits.items()}
    return [
        f"{split}: {count} queries have fewer than {most} results (--max_feedback); scores with more passages are "
        "those with all of them"
        for split, count in few.items()
        if count
    ]


def make_task(config: PrfConfig, feedback: FeedbackConfig, model: str | None, *, split_off: bool = True) -> PrfTask:
    data = load_prf_data(config, model, split_off=split_off)
    return PrfTask(data, feedback, model=model, shuffle=config.shuffle, score_scale=config.score_scale)


def published_training(kind: str, revisions: int) -> dict[str, Any]:
    """Training arguments of the paper; every number of revisions trains on equally many inputs.

    Zhu et al. 2022 (arXiv 2204.11545): 108/(1+n) queries a step, 12/(1+n) epochs, warm-up 10 %.

    >>> found = published_training("dense", 2)
    >>> found["per_device_train_batch_size"], found["num_train_epochs"], found["learning_rate"]
    (54, 6.0, 1e-05)
    """
    return {
        "per_device_train_batch_size": max(REVISIONS_PER_STEP // revisions, 1),
        "num_train_epochs": REVISIONS_OF_QUERY / revisions,
        "learning_rate": LEARNING_RATES[kind],
        "warmup_steps": 0.1,
        "train_sampling_strategy": "random",
    }


def _means(scores: Scores) -> dict[str, float]:
    return {name: 100 * float(values.mean()) for name, values in scores.items()}
