"""Options of the evaluation of a finished checkpoint."""

from dataclasses import dataclass

from cmploss.errors import UserError
from cmploss.options import check_seed, whole_numbers


@dataclass(frozen=True)
class EvaluationConfig:
    """What to score, and how.

    Attributes:
        model: Folder of a fine-tuned model.
        max_length: Longest input in tokens; as in training by default.
        batch_size: Examples per batch; by default as many as suit the device and their length.
        dropout_power: Comma-separated dropout powers, as in 0,1,2,3; the measures, the loss and the violation rate of
            the submodels, with nested masks of one seed.
        dropout_p: Base rate at every dropout site; by default each site's own.
        layers: Comma-separated numbers of layers, as in 6,4,2; the measures, the loss, the time and the parameters of
            the model with its lowest layers alone.
        context_size: Comma-separated numbers of paragraphs per question, as in 2,4,6,8,10; the evidence and the first
            distractors are read.
        distractor_counts: Comma-separated numbers of distractors per question, as in 0,2,4,8; for models that generate.
        distractors: Number of other paragraphs of its article that are read with each question of squad and squad_v2.
        seed: Seed of the masks.
        output_dir: New folder for the numbers (scores.json) and a figure each of --dropout_power, --layers (over time),
            --context_size and --distractor_counts.
    """

    model: str = ""
    max_length: int | None = None
    batch_size: int | None = None
    dropout_power: str | None = None
    dropout_p: float | None = None
    layers: str | None = None
    context_size: str | None = None
    distractor_counts: str | None = None
    distractors: int | None = None
    seed: int = 0
    output_dir: str | None = None

    def __post_init__(self) -> None:
        check_seed("seed", self.seed)

    @property
    def powers(self) -> tuple[int, ...]:
        if self.dropout_p is not None and not (self.dropout_power and 0 <= self.dropout_p < 1):
            raise UserError(f"--dropout_p {self.dropout_p} must be from 0 to below 1, and needs --dropout_power")
        return whole_numbers("dropout_power", self.dropout_power, least=0)

    @property
    def counts(self) -> tuple[int, ...]:
        return whole_numbers("distractor_counts", self.distractor_counts, least=0)

    @property
    def depths(self) -> tuple[int, ...]:
        return whole_numbers("layers", self.layers, least=1)[::-1]

    @property
    def sizes(self) -> tuple[int, ...]:
        return whole_numbers("context_size", self.context_size, least=1)
