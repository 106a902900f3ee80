"""The protocol of a task: training data, batches, and the scores of a trained model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from cmploss.errors import UserError
from cmploss.experiment import Noise, RunRecord, Score
from cmploss.model_config import ModelConfig
from cmploss.tasks.folds import Fold
from cmploss.tasks.splits import SELECTION_SPLIT, Split, eval_split_of

if TYPE_CHECKING:
    from cmploss.tasks.ablation_curve import Submodels


class Translation(Protocol):
    """Two models that translate texts to another language and back."""

    def sample(self, texts: Sequence[str], *, temperature: float, seed: int) -> list[str]:
        """One back-translation of each text."""
        ...


@dataclass(frozen=True)
class Sample:
    """What a run trains on.

    Attributes:
        size: Number of examples, drawn with the seed; None for all.
        seed: Seed of the sample and its noise.
        noise: Noise that is added to the drawn examples.
        translation: The models for back-translation.
        without_evidence: Share of the questions that are read without their evidence.
    """

    size: int | None = None
    seed: int = 0
    noise: Noise = field(default_factory=Noise)
    translation: Translation | None = None
    without_evidence: float = 0.0


@dataclass(frozen=True)
class Results:
    """The scores and predictions of a trained model.

    Attributes:
        scores: Every score, in percent; those under ablation also have a loss and a violation rate.
        predictions: Split → what was predicted for each example, in JSON types.
        facts: Other facts about the data for the record.
    """

    scores: list[Score]
    predictions: dict[str, Any]
    facts: dict[str, Any] = field(default_factory=dict)


class LearningTask(Protocol):
    """A task: examples encoded for one model, with their batches and scores.

    To write your own task, derive a class from this one, define the attributes and methods below that have no default,
    and call ``compare(task=MyTask())``. Methods with a default are optional. The runs get the same checks, records,
    tables and reports as the tasks of this package. With ``--jobs`` above 1 the task is sent to other processes, so it
    must be picklable.

    Attributes:
        name: Name in records, tables and folder names.
        measures: Names of the scores that :meth:`results` returns, in percent; higher is better. The first one selects
            the best run.
        sizes: Split → number of examples. ``train`` and ``validation`` are needed; without ``test``, scores on
            ``validation`` are reported.
        model: Name of the model that :meth:`new_model` starts from.
        description: The kind of data in a few words: ``8 classes``.
        label_names: Name of each class by id, if there are classes.
        notes: One sentence for each change of the data.
        settings: Other settings that decide the inputs of the model, in JSON types; they are part of a run's identity.
        model_class: The class that loads a checkpoint.
        training: Defaults of ``transformers.TrainingArguments`` for this task, if they differ from the defaults of a
            study.
        batch_labels: Keys of a batch that are labels, if the signature of the model does not name them.
        undivided: Number of examples that :meth:`fold` divides; 0 if the splits are given.
    """

    name: str
    measures: tuple[str, ...]
    sizes: Mapping[Split, int]
    model: str = ""
    description: str = ""
    label_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    settings: Mapping[str, Any] = MappingProxyType({})
    model_class: str = "AutoModel"
    training: Mapping[str, Any] = MappingProxyType({})
    batch_labels: tuple[str, ...] = ()
    undivided: int = 0

    def fingerprints(self) -> Mapping[Split, str]:
        """Split → a hash of its examples, which is part of a run's identity."""
        ...

    def new_model(self, seed: int, start: Path | None = None) -> Any:
        """The model before training, with new weights from the seed; or the checkpoint in the folder ``start``."""
        ...

    def train(self, sample: Sample, crops: int = 0) -> Any:
        """The training examples of a run as a dataset for the Trainer, each with ``crops`` cropped views."""
        ...

    def collator(self, model: Any) -> Callable[[Any], Any]:
        """Turns a list of examples into a batch, which the model takes as keyword arguments."""
        ...

    def results(self, model: Any, batch_size: int, submodels: Submodels) -> Results:
        """Scores and predictions on :func:`splits_to_score`; submodels are scored on the last of these splits."""
        ...

    def start_head(self, model: Any, sample: Sample | None) -> None:
        """Initialise the head of a new model from the sample; with None only check that this is possible."""
        return

    def reference_rows(self) -> Callable[[Sample], Mapping[str, Results]] | None:
        """Sample → name of a simple model → its results, for the reference rows of a table; None if there are none."""
        return None

    def examples(self, sample: Sample) -> int:
        """Number of training examples of a run as the Trainer counts them."""
        if sample.noise != Noise():
            raise UserError(f"--noise {sample.noise} is for texts with labels; leave it out for {self.name}")
        return sample.size or self.sizes["train"]

    def check_run(self, objective: str, submodels: Submodels) -> None:
        """Refuse objectives (by kind) and submodels that do not apply to this task."""
        if "lol" in objective.split("+"):
            raise UserError(f"--objectives: {objective} needs --task prf; {self.name} has no feedback passages")
        if "raft" in objective.split("+"):
            raise UserError(f"--objectives: {objective} needs --task rag, whose segments it leaves out of questions")

    def sample_notes(self, sample: Sample) -> tuple[str, ...]:
        """One sentence for each change of the examples of a sample."""
        return ()

    def validation(self) -> Any:
        """The examples of :data:`SELECTION_SPLIT` for the Trainer; None if the Trainer cannot use them."""
        return None

    def scorer(self, model: Any) -> Callable[[Any], dict[str, float]] | None:
        """The Trainer's ``compute_metrics`` on :meth:`validation`."""
        return None

    def kept_logits(self) -> Callable[[Any, Any], Any] | None:
        """(logits, labels) → what of them :meth:`scorer` needs, with one row per example; None for the logits."""
        return None

    def task_loss(self) -> Any:
        """(outputs, labels) → one loss per example ``(batch,)``; None for the loss that goes with the model's head."""
        return None

    def class_weights(self, sample: Sample) -> Sequence[float]:
        """The weight of each class in the loss, of a mean of 1 over the examples of a sample."""
        raise UserError(f"--class_weights is for texts with one class; leave it out for {self.name}")

    def texts(self, split: Split) -> Sequence[tuple[str, str]]:
        """Two texts of each example for reports: a text or question, and its context or ``""``."""
        return ()

    def labels(self, split: Split) -> Sequence[int]:
        """Class id of each example, if there are classes."""
        return ()

    def vectors(self, model: Any, split: Split) -> Any:
        """A vector of the model for each example ``(examples, hidden)``, for plots."""
        raise UserError(f"--embeddings is for texts with classes, and {self.name} has none; leave it out")

    def fold(self, fold: Fold) -> LearningTask:
        """The task with the splits of one fold."""
        raise UserError(f"--folds is for texts and questions; leave it out for {self.name}")

    def with_model(self, model: ModelConfig) -> LearningTask:
        """The task encoded for another model or other model settings."""
        raise UserError(f"--vary of the model is for texts and questions; leave it out for {self.name}")

    def balanced(self, size: int) -> LearningTask:
        """The task with a test split of that size with equally frequent classes."""
        raise UserError(f"--balanced_test is for texts with classes, and {self.name} has none; leave it out")

    def with_measures(self, measures: Any) -> LearningTask:
        """The task with other measures, as :func:`cmploss.measures.own_measures.read_measures` takes them."""
        raise UserError(f"--measures is for texts; leave it out for {self.name}")

    def write_noisy(self, sample: Sample, path: Path) -> None:
        """Write the examples of a sample next to their noisy versions."""
        raise UserError(f"--write_noisy is for texts with labels; leave it out for {self.name}")

    def save(self, model: Any, folder: Path, record: RunRecord) -> None:
        """Write a checkpoint that loads without this package."""
        model.save_pretrained(folder)


def refuse_crops(crops: int) -> None:
    if crops:
        raise UserError(
            f"--n_crop {crops} drops segments of a context, but texts have none; it is for --task hotpotqa, "
            "question_answering, and squad with --distractors"
        )


def refuse_pooling(model: ModelConfig, task: str) -> None:
    """Refuse settings of the model that only classifiers of texts have."""
    for option, known in (("pooling", ("auto", "head")), ("head_init", ("auto", "random"))):
        if getattr(model, option) not in known:
            raise UserError(f"--{option} is for classifiers of texts; leave it out for {task}")


def eval_split(task: LearningTask) -> Split:
    """The split whose scores are reported; if it is :data:`SELECTION_SPLIT`, they are optimistic."""
    return eval_split_of(task.sizes)


def splits_to_score(task: LearningTask) -> tuple[Split, ...]:
    """The selection split and the evaluation split, each once."""
    return tuple(dict.fromkeys((SELECTION_SPLIT, eval_split(task))))
