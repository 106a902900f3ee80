"""Notes on the settings of a run: what published runs do otherwise, and options without effect."""

from collections.abc import Iterator

from cmploss.model_files import config_of
from cmploss.studies.run_config import RunConfig, processes
from cmploss.training_options import training_options

LARGE = 24  # layers of the large BERT, ELECTRA and RoBERTa
INTERVALS = {"eval_steps": "eval_strategy", "save_steps": "save_strategy", "logging_steps": "logging_strategy"}
"""Option -> the one that must be ``steps`` for it."""


def notes_on_run(config: RunConfig) -> Iterator[str]:
    """Settings that contradict published runs, a teacher that knows the test split, a small contrast, no effect."""
    name, of, training = config.model_config.model, config.spec.settings, config.with_defaults()
    compares = of.get("target") == "ultra" and len(config.variants) > 1
    if compares and getattr(config_of(name), "num_hidden_layers", 0) >= LARGE:
        yield f"{config.objective}: published runs of models as large as {name} have --target first."
    if config.teacher and config.fold is not None:
        yield f"{config.objective}: with --folds, a teacher trained on the same file knows the test splits."
    accumulate = int(training.get("gradient_accumulation_steps") or 1)
    if accumulate > 1 and not getattr(config.spec.build(), "by_example", True):
        size = int(training["per_device_train_batch_size"]) * processes()
        yield (
            f"{config.objective}: the {size} examples of a micro-batch are contrasted with one another, not the "
            f"{size * accumulate} of a step (--gradient_accumulation_steps {accumulate})."
        )
    epochs, steps = training.get("num_train_epochs"), training.get("max_steps", -1)
    if epochs is not None and steps > 0 and config.fold is None:  # the steps of folds are those of the epochs
        yield f"--max_steps {steps} sets the length, and num_train_epochs {epochs:g} has no effect."
    for option, by in INTERVALS.items():
        strategy = training.get(by, training_options()[by].default)
        if option in config.training and strategy != "steps":
            yield f"--{option} {training[option]:g} has no effect: {by} is {strategy}, not steps."
