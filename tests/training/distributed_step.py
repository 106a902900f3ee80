"""Optimizer steps under torchrun; the first rank writes what came of them and what it logged (see test_distributed)."""

import json
import os
import signal
import sys
from functools import partial
from pathlib import Path

import torch
from torch.nn import functional as F
from transformers import TrainerCallback

from cmploss import CmpCrop, CmpDrop, CmpLayer, Comparative, ObjectiveTrainer, SupervisedContrastive
from cmploss.engine import two_pass
from cmploss.model_config import Lora
from cmploss.models import add_lora
from cmploss.tasks.base import Sample
from cmploss.training.callbacks import SaveOnInterrupt
from tests.tasks.rag.test_rag_task import task_of
from tests.tiny import model_of, pooled_of
from tests.training import test_views
from tests.training.helpers import Gradients, arguments, examples_of

GENERATOR = "generator"  # folder of a language model and its questions, in the folder of the steps
TWO_DROPS = (CmpDrop(2, p=1e-12),)


def plain(folder, engine, model=None, task_loss=None, ablations=TWO_DROPS, head="single_label", **options):
    """One step; masks drop next to nothing."""
    model = model or model_of(head=head)
    return ObjectiveTrainer(
        model=model,
        args=arguments(folder, **{"max_steps": 1, "train_sampling_strategy": "sequential", **options}),
        train_dataset=examples_of(head, size=32),
        objective=Comparative(*ablations, engine=engine),
        task_loss=task_loss,
    )


def own(folder, engine, **options):
    """The same step with a task loss that reads two parameters itself, one of which the model does not read."""
    model = model_of()
    model.temperature = torch.nn.Parameter(torch.tensor(1.5))

    def task_loss(outputs, labels):
        losses = F.cross_entropy(outputs.logits * model.temperature, labels["labels"], reduction="none")
        return losses + model.classifier.weight.pow(2).sum()

    # DDP takes what the outputs do not need for unused, and would count the temperature twice.
    return plain(folder, engine, model, task_loss, ddp_find_unused_parameters=False, **options)


def views(folder, engine, **options):
    """Two epochs of one step each, of 7 questions; those that are left out are spread unevenly over the processes."""
    model = test_views.reader(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    data = test_views.data_of(7, lost=(0, 1, 2, 4))
    objective = Comparative(CmpCrop(1), engine=engine)
    options |= {"max_steps": 2, "train_sampling_strategy": "random"}  # with it accelerate forgets the data's epoch
    return test_views.trainer_of(folder, objective, data, model=model, **options)


def pooled(folder, engine, **options):
    """The same step of a classifier that pools, whose encoder has a pooler without gradient."""
    return plain(folder, engine, pooled_of(), activation_checkpointing=True, **options)


def lora(folder, engine, **options):
    """The same step of a model with LoRA."""
    return plain(folder, engine, add_lora(model_of(), Lora.parse("r=2"), "base"), **options)


def contrast(folder, engine, **options):
    """One step over 10 examples, most with partners on the other process; two of the first process do not count."""
    objective = SupervisedContrastive(0.6, base=Comparative(CmpDrop(2, p=1e-12), engine=engine))
    examples = examples_of(size=10)
    for index, example in enumerate(examples):
        example["labels"] = torch.tensor(index % 5 % 3)
        example["valid"] = torch.tensor(index not in (0, 3))
    options |= {"max_steps": 1, "train_sampling_strategy": "sequential"}
    return ObjectiveTrainer(
        model=model_of(), args=arguments(folder, **options), train_dataset=examples, objective=objective
    )


def layers(folder, engine, **options):
    """The same step with submodels of fewer layers."""
    ablations = CmpLayer((2, 1), exit_gradient=0.5), CmpDrop(1, p=1e-12)
    return plain(folder, engine, model_of(num_hidden_layers=3), ablations=ablations, **options)


def rag(folder, engine, **options):
    """Five steps, over the end of an epoch, of a language model that reads full and cropped prompts."""
    task = task_of(str(Path(folder) / GENERATOR), str(Path(folder) / GENERATOR / "train.jsonl"))
    model = task.new_model(0)
    options |= {"max_steps": 5, "optim": "sgd", "learning_rate": 0.1, "lr_scheduler_type": "constant"}
    return ObjectiveTrainer(
        model=model,
        args=arguments(folder, **options),
        train_dataset=task.train(Sample(size=24, seed=3), crops=1),
        objective=Comparative(CmpCrop(1), engine=engine),
        data_collator=task.collator(model),
    )


class Terminate(TrainerCallback):
    """The second process gets SIGTERM in its second step."""

    def on_step_begin(self, args, state, control, **_):
        if (args.process_index, state.global_step) == (1, 1):
            signal.raise_signal(signal.SIGTERM)


def terminated(folder, engine, **options):
    """Six steps, of which the second is the last."""
    trainer = plain(Path(folder) / "terminated", engine, **{**options, "max_steps": 6})
    trainer.add_callback(Terminate())
    return trainer


HEADS = {"tags": "tokens", "labels": "multi_label", "choices": "choice", "rerank": "rerank"}
STEPS = {"plain": plain, "own": own, "views": views, "contrast": contrast, "pooled": pooled, "layers": layers}
STEPS |= {"rag": rag}
STEPS |= {"lora": lora, "terminated": terminated, **{name: partial(plain, head=head) for name, head in HEADS.items()}}


def run(folder, kind, per_process, accumulate, engine):
    gradients = Gradients()
    trainer = STEPS[kind](
        folder,
        engine,
        per_device_train_batch_size=per_process,
        gradient_accumulation_steps=accumulate,
        max_grad_norm=0.0,
        ddp_backend="gloo" if "WORLD_SIZE" in os.environ else None,
    )
    trainer.add_callback(gradients)
    with SaveOnInterrupt() as save:
        trainer.add_callback(save)
        trainer.train()
    if trainer.is_world_process_zero():
        parameters = torch.nn.utils.parameters_to_vector(trainer.model.parameters()).detach()
        found = {"gradient": gradients.first, "parameters": parameters, "logs": trainer.state.log_history[:-1]}
        found |= {"signal": save.signal, "steps": trainer.state.global_step}
        torch.save(found, Path(folder) / f"{kind}-{engine}.pt")
    return trainer


if __name__ == "__main__":
    two_pass.LONG = 0  # replays by halves as well
    trainers = [run(sys.argv[1], *job) for job in json.loads(sys.argv[2])]
    trainers[-1].accelerator.end_training()  # a process that ends within a group may be aborted
    sys.stderr.flush()
    os._exit(0)  # one process was aborted all the same, probably by a thread that was left when Python ended
