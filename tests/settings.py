"""One row per objective: what every cross-cutting test runs. An objective without a row fails the suite."""

from dataclasses import dataclass

from cmploss.objectives import ObjectiveConfig


@dataclass(frozen=True)
class Row:
    config: ObjectiveConfig
    passes: int
    parts: tuple[str, ...] = ()


TWO_STEPS = ("loss_full", "loss_drop1", "loss_drop2", "penalty", "violation_rate")
SETTINGS: dict[str, Row] = {
    "supervised": Row(ObjectiveConfig(), passes=1),
    "no_dropout": Row(ObjectiveConfig(), passes=1),
    "equal_compute": Row(ObjectiveConfig(n_drop=2), passes=3, parts=TWO_STEPS),
    "comparative": Row(ObjectiveConfig(n_drop=2, target="first", ranking="listmle"), passes=3, parts=TWO_STEPS),
}
