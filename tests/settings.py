"""One row per objective: what every cross-cutting test runs. An objective without a row fails the suite."""

from dataclasses import dataclass
from typing import Any

from transformers import default_data_collator

from cmploss.objectives import ObjectiveConfig
from tests.tiny import HEADS


@dataclass(frozen=True)
class Row:
    config: ObjectiveConfig
    passes: int
    parts: tuple[str, ...] = ()
    heads: tuple[str, ...] = tuple(HEADS)
    by_example: bool = True  # whether the loss of an example does not depend on the others of its batch

    def batch(self, plain: dict[str, Any]) -> dict[str, Any]:
        """The batch, or for a plan with crops its views: of each, three more tokens at the end are all the same."""
        views = [{**plain, "input_ids": plain["input_ids"].clone()} for _ in range(1 + self.config.n_crop)]
        for number, view in enumerate(views[1:], 1):
            view["input_ids"][..., -3 * number :] = 5
        return {"views": views} if self.config.n_crop else plain

    def collate(self, examples: list[Any]) -> dict[str, Any]:
        """Examples to such a batch."""
        return self.batch(default_data_collator(examples))


REVISIONS = ("loss_dropout", "loss_crop1_dropout", "loss_crop2_dropout", "penalty", "violation_rate")
ONE_STEP = ("loss_full", "loss_drop1", "penalty", "violation_rate")
TWO_STEPS = ("loss_full", "loss_drop1", "loss_drop2", "penalty", "violation_rate")
ONE_CLASS = ("single_label",)
CLASSES = ("single_label", "tokens", "choice")
DROPOUT_IN_HEAD = tuple(head for head in HEADS if head != "span")
SETTINGS: dict[str, Row] = {
    "supervised": Row(ObjectiveConfig(), passes=1),
    "no_dropout": Row(ObjectiveConfig(), passes=1),
    "equal_compute": Row(ObjectiveConfig(n_drop=2), passes=3, parts=TWO_STEPS),
    "comparative": Row(ObjectiveConfig(n_drop=2, target="first", ranking="listmle"), passes=3, parts=TWO_STEPS),
    "scl": Row(
        ObjectiveConfig(contrastive_weight=0.7, contrastive_temperature=0.5),
        passes=1,
        parts=("loss_task", "contrastive"),
        heads=ONE_CLASS,
        by_example=False,
    ),
    "rdrop": Row(ObjectiveConfig(alpha=2.0), passes=2, parts=("loss_task", "divergence")),
    "label_smoothing": Row(ObjectiveConfig(smoothing=0.2), passes=1, parts=("loss_task", "uniform"), heads=CLASSES),
    "multi_sample": Row(ObjectiveConfig(dropout_samples=3), passes=1, heads=DROPOUT_IN_HEAD),
    "comparative+scl": Row(
        ObjectiveConfig(n_drop=2), passes=3, parts=(*TWO_STEPS, "contrastive"), heads=ONE_CLASS, by_example=False
    ),
    "comparative+rdrop": Row(ObjectiveConfig(n_drop=1), passes=3, parts=(*ONE_STEP, "divergence")),
    "rdrop+scl": Row(
        ObjectiveConfig(), passes=2, parts=("loss_task", "divergence", "contrastive"), heads=ONE_CLASS, by_example=False
    ),
    "multi_sample+label_smoothing": Row(
        ObjectiveConfig(dropout_samples=2), passes=1, parts=("loss_task", "uniform"), heads=CLASSES
    ),
    "feedback": Row(ObjectiveConfig(n_crop=2, feedback_weight=0.5), passes=3, parts=REVISIONS),
}
OF_EVERY_HEAD = [(name, head) for name, row in SETTINGS.items() for head in row.heads]
