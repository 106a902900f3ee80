"""One row per objective: what every cross-cutting test runs. An objective without a row fails the suite."""

from dataclasses import dataclass

from cmploss.objectives import ObjectiveConfig
from tests.tiny import HEADS


@dataclass(frozen=True)
class Row:
    config: ObjectiveConfig
    passes: int
    parts: tuple[str, ...] = ()
    heads: tuple[str, ...] = tuple(HEADS)
    by_example: bool = True  # whether the loss of an example does not depend on the others of its batch


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
}
OF_EVERY_HEAD = [(name, head) for name, row in SETTINGS.items() for head in row.heads]
