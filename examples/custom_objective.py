"""An objective of your own: the mean task loss of three passes, plus a price wherever a submodel wins.

python examples/custom_objective.py [MODEL]
"""

import sys
from dataclasses import dataclass

from transformers import TrainingArguments

from cmploss import CmpDrop, ObjectiveTrainer, primary_loss
from cmploss.ablation import Variant, variants_of
from cmploss.model_config import DEFAULT_MODEL
from cmploss.models import load_tokenizer, new_classifier
from cmploss.objectives import ObjectiveOutput, objective_output
from cmploss.tasks.text import DataConfig, encode, load_data


@dataclass(frozen=True)
class MeanWithRanking:
    """Any callable that turns (model, batch) into an ObjectiveOutput is an objective; `variants` is its plan."""

    weight: float = 1.0
    variants: tuple[Variant, ...] = variants_of(CmpDrop(2))

    def __call__(self, model, batch, task_loss=None) -> ObjectiveOutput:
        return objective_output(model, batch, task_loss, variants=self.variants, combine=self.combine)

    def combine(self, losses):
        """Losses (batch, passes), the full model first -> scalar."""
        return primary_loss(losses, primary="mean", ranking_weight=self.weight)


def main(name: str = DEFAULT_MODEL) -> None:
    data = load_data(DataConfig(task="helpdesk"))
    tokenizer = load_tokenizer(name)
    trainer = ObjectiveTrainer(
        model=new_classifier(name, data.label_names, seed=0),
        args=TrainingArguments(
            output_dir="runs/custom_objective",
            max_steps=16,
            learning_rate=1e-4,
            logging_steps=8,
            save_strategy="no",
            dataloader_pin_memory=False,
            disable_tqdm=True,
        ),
        train_dataset=encode(data.train, tokenizer, 128),
        eval_dataset=encode(data.validation, tokenizer, 128),
        processing_class=tokenizer,
        objective=MeanWithRanking(weight=0.5),
    )
    trainer.train()
    print(f"held-out loss {trainer.evaluate()['eval_loss']:.3f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
