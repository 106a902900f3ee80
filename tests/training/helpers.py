"""A Trainer's arguments and data for tiny models."""

import torch
from transformers import TrainerCallback, TrainingArguments

from tests.tiny import batch_of


def arguments(folder, **options):
    defaults = {"per_device_train_batch_size": 8, "max_steps": 4, "logging_steps": 1, "learning_rate": 1e-2}
    fixed = {"report_to": "none", "disable_tqdm": True, "save_strategy": "no", "use_cpu": True, "seed": 0}
    return TrainingArguments(output_dir=str(folder), **{**defaults, **fixed, **options})


def examples_of(head="single_label", size=32):
    batch = batch_of(head, size=size)
    return [{name: values[index] for name, values in batch.items()} for index in range(size)]


class Gradients(TrainerCallback):
    """Keeps the gradient of the first optimizer step, before it is clipped away or stepped with."""

    def on_pre_optimizer_step(self, args, state, control, model=None, **_):
        if state.global_step == 0:
            gradients = [each.grad.to_dense() for each in model.parameters() if each.grad is not None]
            self.first = torch.nn.utils.parameters_to_vector(gradients).clone()
