"""An objective of your own in a study: the mean task loss of three passes, plus a penalty for wrongly ordered losses.

python examples/custom_objective.py [MODEL]
"""

import sys
from dataclasses import dataclass

from cmploss import CmpDrop, compare, primary_loss
from cmploss.ablation import Variant, variants_of
from cmploss.model_config import DEFAULT_MODEL
from cmploss.objectives import ObjectiveOutput, objective_output
from cmploss.reports import markdown_table


@dataclass(frozen=True)
class MeanWithRanking:
    """Any callable (model, batch, task_loss) -> ObjectiveOutput is an objective; `variants` is its plan."""

    weight: float = 1.0
    variants: tuple[Variant, ...] = variants_of(CmpDrop(2))

    def __call__(self, model, batch, task_loss=None) -> ObjectiveOutput:
        return objective_output(model, batch, task_loss, variants=self.variants, combine=self.combine)

    def combine(self, losses):
        """Losses (batch, passes), the full model first -> scalar."""
        return primary_loss(losses, primary="mean", ranking_weight=self.weight)


def main(name: str = DEFAULT_MODEL) -> None:
    study = compare(
        task="helpdesk",
        model=name,
        objectives={"supervised": "supervised", "mine": MeanWithRanking(weight=0.5)},
        seeds=2,  # five or more for a test
        max_steps=16,
        learning_rate=1e-4,
        output_dir="runs/custom_objective",
    )
    print(markdown_table(study.table()))


if __name__ == "__main__":
    main(*sys.argv[1:])
