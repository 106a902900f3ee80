"""What a study needs of a task, whatever its kind."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from torch.utils.data import Dataset
from transformers import PreTrainedTokenizerBase

from cmploss.experiment import RunRecord
from cmploss.model_config import ModelConfig
from cmploss.tasks.ablation_curve import Submodels
from cmploss.tasks.qa import QuestionConfig, QuestionData, load_questions
from cmploss.tasks.text import QUESTION_TASKS, DataConfig, Part, TaskData, load_data
from cmploss.tasks.text.noise import BackTranslation, Noise

AnyData = TaskData | QuestionData
SELECTION_PART: Part = "validation"


@dataclass(frozen=True)
class Sample:
    """What a run trains on.

    Attributes:
        size: Number of examples, drawn with the seed; None for all.
        seed: Of the sample and of the noise in it.
        noise: Changes the examples once they are drawn.
        translation: The models for back-translation.
    """

    size: int | None = None
    seed: int = 0
    noise: Noise = field(default_factory=Noise)
    translation: BackTranslation | None = None


@dataclass(frozen=True)
class Results:
    """What a trained model reaches on the parts of its task.

    Attributes:
        scores: Part → measure → percent; an ablated part has its loss and violation rate too.
        predictions: Part → what was predicted for each example, in JSON types.
        facts: What else the record says of the data.
    """

    scores: dict[str, dict[str, float]]
    predictions: dict[str, Any]
    facts: dict[str, Any] = field(default_factory=dict)


class LearningTask(Protocol):
    """Data encoded for one model: what is trained on, how it is batched, and how a model is scored."""

    @property
    def data(self) -> AnyData:
        """The examples."""
        ...

    @property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """Of the model."""
        ...

    @property
    def description(self) -> str:
        """The kind of data in a few words: ``8 classes``."""
        ...

    @property
    def model_class(self) -> str:
        """The class of transformers that loads a checkpoint."""
        ...

    def new_model(self, seed: int, start: Path | None = None) -> Any:
        """The pretrained model with a new head; or a checkpoint to start from, whose head stays where it fits."""
        ...

    def examples(self, sample: Sample) -> int:
        """Number of training examples of a run as the Trainer counts them; a long context is several."""
        ...

    def train(self, sample: Sample, crops: int = 0) -> Dataset[Any]:
        """The training examples of a run; with crops as views."""
        ...

    def notes(self, sample: Sample) -> tuple[str, ...]:
        """One sentence for everything that was changed in the examples of a sample."""
        ...

    def validation(self) -> Dataset[Any]:
        """The examples of :data:`SELECTION_PART`, for the Trainer."""
        ...

    def collator(self, model: Any) -> Callable[[Any], Any]:
        """Examples to a batch."""
        ...

    def scorer(self, model: Any) -> Callable[[Any], dict[str, float]]:
        """The Trainer's ``compute_metrics`` on the validation part."""
        ...

    def results(self, model: Any, batch_size: int, submodels: Submodels) -> Results:
        """Scores and predictions on the selection part and the reported part; submodels are scored on the latter."""
        ...

    def save(self, model: Any, folder: Path, record: RunRecord) -> None:
        """Write a plain checkpoint, its card and what it takes to use it as it was trained."""
        ...


def load_any(config: DataConfig, reading: QuestionConfig) -> AnyData:
    """The data that the settings name: texts, or questions with contexts.

    Raises:
        UserError: As :func:`cmploss.tasks.text.load_data` and :func:`cmploss.tasks.qa.load_questions`.
    """
    return load_questions(config, reading) if config.task in QUESTION_TASKS else load_data(config)


def max_length(config: ModelConfig, data: AnyData) -> int:
    """Longest input in tokens, by default 128 for texts and 384 for questions with contexts."""
    default = 384 if isinstance(data, QuestionData) else 128
    return default if config.max_length is None else config.max_length


def reported_part(data: AnyData) -> Part:
    """The part whose scores are reported; where it is :data:`SELECTION_PART`, the scores are optimistic."""
    return "test" if data.test is not None else "validation"


def parts_to_score(data: AnyData) -> tuple[Part, ...]:
    """The selection part and the reported part."""
    return tuple(dict.fromkeys((SELECTION_PART, reported_part(data))))


def input_settings(config: ModelConfig, reading: QuestionConfig, data: AnyData) -> dict[str, Any]:
    """What is read by which model, for the record."""
    settings = {**asdict(config), "max_length": max_length(config, data)}
    return settings | (asdict(reading) if isinstance(data, QuestionData) else {})
