"""One optimizer step under torchrun; the first rank writes its gradient and what it logged (see test_distributed)."""

import os
import sys
from pathlib import Path

import torch

from cmploss import CmpDrop, Comparative, ObjectiveTrainer
from tests.training.test_trainer import Gradients, arguments, examples_of, model_of

if __name__ == "__main__":
    folder, per_process, accumulate, engine = sys.argv[1:]
    gradients = Gradients()
    args = arguments(
        folder,
        per_device_train_batch_size=int(per_process),
        gradient_accumulation_steps=int(accumulate),
        max_steps=1,
        max_grad_norm=0.0,
        train_sampling_strategy="sequential",
        ddp_backend="gloo" if "WORLD_SIZE" in os.environ else None,
    )
    trainer = ObjectiveTrainer(
        model=model_of(),
        args=args,
        train_dataset=examples_of(size=32),
        objective=Comparative(CmpDrop(2, p=1e-12), engine=engine),  # masks drop next to nothing
        callbacks=[gradients],
    )
    trainer.train()
    if trainer.is_world_process_zero():
        logs = trainer.state.log_history[0]
        torch.save({"gradient": gradients.first, "logs": logs}, Path(folder) / "step.pt")
