"""One row per objective: what every cross-cutting test runs. An objective without a row fails the suite."""

from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import Any

from transformers import default_data_collator

from cmploss.experiment.spec import ObjectiveSpec
from tests.tiny import HEADS, model_of

TEACHER = TemporaryDirectory(prefix="teacher-")
"""A trained model of the head ``single_label``."""
model_of(seed=9).save_pretrained(TEACHER.name)


@dataclass(frozen=True)
class Row:
    settings: dict[str, Any]
    passes: int  # calls of the model
    logs: tuple[str, ...] = ()
    heads: tuple[str, ...] = tuple(HEADS)
    views: int = 1  # of every example in a batch
    by_example: bool = True  # whether the loss of an example does not depend on the others of its batch

    def batch(self, plain: dict[str, Any]) -> dict[str, Any]:
        """The batch, or for a plan with crops its views: of each, three more tokens at the end are all the same."""
        views = [{**plain, "input_ids": plain["input_ids"].clone()} for _ in range(self.views)]
        for number, view in enumerate(views[1:], 1):
            view["input_ids"][..., -3 * number :] = 5
        return {"views": views} if self.views > 1 else plain

    def collate(self, examples: list[Any]) -> dict[str, Any]:
        """Examples to such a batch."""
        return self.batch(default_data_collator(examples))


REVISIONS = ("loss_dropout", "loss_crop1_dropout", "loss_crop2_dropout", "penalty", "violation_rate")
ONE_STEP = ("loss_full", "loss_drop1", "penalty", "violation_rate")
TWO_STEPS = ("loss_full", "loss_drop1", "loss_drop2", "penalty", "violation_rate")
FEWER_LAYERS = ("loss_full", "loss_layers1", "loss_layers1_drop1", "penalty", "violation_rate")
ONE_CLASS = ("single_label",)
CLASSES = ("single_label", "tokens", "choice")
SETTINGS: dict[str, Row] = {
    "supervised": Row({}, passes=1),
    "no_dropout": Row({}, passes=1),
    "equal_compute": Row({"n_drop": 2}, passes=3, logs=TWO_STEPS),
    "comparative": Row({"n_drop": 2, "target": "first", "ranking": "listmle"}, passes=3, logs=TWO_STEPS),
    "comparative(layers=1)": Row({"n_drop": 1}, passes=3, logs=FEWER_LAYERS),
    "weighted": Row({"n_drop": 2, "primary": "mean", "ranking_weight": 0.5}, passes=3, logs=TWO_STEPS),
    "raft": Row({"without_evidence": 0.3}, passes=1, heads=ONE_CLASS),
    "scl": Row(
        {"contrastive_weight": 0.7, "contrastive_temperature": 0.5},
        passes=1,
        logs=("loss_task", "contrastive"),
        heads=ONE_CLASS,
        by_example=False,
    ),
    "rdrop": Row({"alpha": 2.0}, passes=2, logs=("loss_task", "divergence")),
    "label_smoothing": Row({"smoothing": 0.2}, passes=1, logs=("loss_task", "uniform"), heads=CLASSES),
    "comparative+scl": Row(
        {"n_drop": 2}, passes=3, logs=(*TWO_STEPS, "contrastive"), heads=ONE_CLASS, by_example=False
    ),
    "comparative+rdrop": Row({"n_drop": 1}, passes=3, logs=(*ONE_STEP, "divergence")),
    "rdrop+scl": Row({}, passes=2, logs=("loss_task", "divergence", "contrastive"), heads=ONE_CLASS, by_example=False),
    "supervised+label_smoothing": Row({}, passes=1, logs=("loss_task", "uniform"), heads=CLASSES),
    "distill": Row({"teacher": TEACHER.name}, passes=1, logs=("loss_task", "distillation"), heads=ONE_CLASS),
    "comparative+distill": Row(
        {"n_drop": 2, "teacher": TEACHER.name, "distill_weight": 0.7, "distill_temperature": 3.0},
        passes=3,
        logs=(*TWO_STEPS, "distillation"),
        heads=ONE_CLASS,
    ),
    "self_distill": Row({"n_drop": 1, "distill_weight": 0.7}, passes=2, logs=(*ONE_STEP, "distillation")),
    "lol": Row({"revisions": 3, "feedback_weight": 0.5}, passes=3, logs=REVISIONS, views=3),
}
OF_EVERY_HEAD = [(name, head) for name, row in SETTINGS.items() for head in row.heads]


def build_objective(text: str, settings: dict[str, Any] | None = None) -> Any:
    """The objective that is written so, with settings that all share."""
    return ObjectiveSpec.parse(text, settings).build()
