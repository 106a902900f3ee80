"""A task loss of your own: focal loss (Lin et al. 2017, arXiv 1708.02002) per example, compared like any other.

python examples/custom_task_loss.py [MODEL]
"""

import sys

import numpy as np
from torch.nn import functional as F
from transformers import TrainingArguments

from cmploss import CmpDrop, Comparative, ObjectiveTrainer
from cmploss.model_config import DEFAULT_MODEL
from cmploss.models import load_tokenizer, new_classifier
from cmploss.tasks.text import DataConfig, encode, load_data


def focal_losses(outputs, labels, gamma=2.0):
    """−(1 − p)^γ · ln p of the right class, one loss per example: (batch,)."""
    log_p = F.log_softmax(outputs.logits.float(), dim=-1).gather(-1, labels["labels"][:, None]).squeeze(-1)
    return -((1 - log_p.exp()) ** gamma) * log_p


def accuracy(result):
    return {"accuracy": float(np.mean(result.predictions.argmax(-1) == result.label_ids))}


def main(name: str = DEFAULT_MODEL) -> None:
    data = load_data(DataConfig(task="helpdesk"))
    tokenizer = load_tokenizer(name)
    trainer = ObjectiveTrainer(
        model=new_classifier(name, data.label_names, seed=0),
        args=TrainingArguments(
            output_dir="runs/custom_task_loss",
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
        compute_metrics=accuracy,
        objective=Comparative(CmpDrop(1)),
        task_loss=focal_losses,
    )
    trainer.train()
    scores = trainer.evaluate()
    print(f"held-out focal loss {scores['eval_loss']:.3f}, accuracy {scores['eval_accuracy']:.3f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
