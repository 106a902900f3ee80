"""Help pages, made from the dataclasses that hold the options."""

import re
from dataclasses import Field, fields
from inspect import cleandoc
from types import ModuleType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from cmploss.model_config import ModelConfig
from cmploss.objectives.named import ObjectiveConfig
from cmploss.options import kind_of
from cmploss.studies.study_config import StudyConfig
from cmploss.tasks.prf.prf_config import FeedbackConfig, PrfConfig
from cmploss.tasks.qa.qa_config import QuestionConfig
from cmploss.tasks.rag.rag_config import RagConfig
from cmploss.training_options import NEEDED, REFUSED, TRAINING_DEFAULTS, training_options

MOST_USED = {
    "output_dir": "folder of the results",
    "learning_rate": "peak learning rate (default 5e-5, for small classifiers 1e-4)",
    "per_device_train_batch_size": "examples per batch",
    "gradient_accumulation_steps": "batches per optimizer step",
    "num_train_epochs": "passes over the examples (default 3, at least 100 steps)",
    "max_steps": "optimizer steps, instead of epochs",
    "warmup_steps": "steps, or a share of all steps below 1",
    "weight_decay": "of AdamW",
    "bf16": "train in bfloat16",
    "activation_checkpointing": "recompute layers in the backward pass to save memory",
    "eval_strategy": "score the validation split while training: no, steps, epoch",
    "report_to": "tensorboard, wandb … or none",
}
OURS = {
    "class_weights": "balanced: errors in rare classes cost more; none by default",
    "early_stopping_patience": "stop after so many evaluations without a better measure",
}
"""What :data:`cmploss.training_options.OWN_OPTIONS` do."""

NAMES_ALONE = {
    ModelConfig: (2, "more of the model"),
    QuestionConfig: (0, "question answering"),
    RagConfig: (0, "generative reading (--task rag)"),
    ObjectiveConfig: (0, "settings of objectives"),
    PrfConfig: (0, "query reformulation (--task prf)"),
    FeedbackConfig: (0, "what a query reformulator reads"),
    StudyConfig: (6, "more for studies"),
}
"""Section -> how many of its options have their own line on the short page, and the title of the others."""


def print_help(name: str, command: ModuleType, *, everything: bool) -> None:
    print(f"cmploss {name} {command.USAGE}\n{command.__doc__}")
    for section in command.SECTIONS:
        texts, hints = attribute_texts(section.__doc__ or ""), get_type_hints(section)
        alone = {} if everything or section is command.SECTIONS[0] else NAMES_ALONE
        count, title = alone.get(section, (len(texts), ""))
        for field in fields(section)[:count]:
            text = texts[field.name] if everything else re.split(r"[;.](?:\s|$)", texts[field.name])[0]
            _print_option(field.name, text, _default(field, hints[field.name]))
        if fields(section)[count:]:
            print(f"{title}: {', '.join(f'--{field.name}' for field in fields(section)[count:])}")
    if getattr(command, "TRAINING", False):  # whether it takes the options of the Trainer
        known, own = training_options(), {field.name for section in command.SECTIONS for field in fields(section)}
        texts = MOST_USED | getattr(command, "TRAINING_TEXTS", {})  # if a command has another default
        elsewhere = {*own, *REFUSED, *NEEDED, *getattr(command, "REFUSED", ())}
        for option in (each for each in known if each not in elsewhere) if everything else texts:
            text = (texts | OURS).get(option, "of transformers.TrainingArguments")
            default = "" if "(default" in text else _shown(TRAINING_DEFAULTS.get(option, known[option].default))
            _print_option(option, text, default)
        if not everything:
            print("\n--help_all lists every option, also those of transformers.TrainingArguments.")


def _print_option(name: str, text: str, default: str) -> None:
    print(f"--{name:<29} {text}" + (f" [{default}]" if default else ""))


def attribute_texts(docstring: str) -> dict[str, str]:
    clean = cleandoc(docstring)  # as Python keeps it since 3.13
    section = clean.partition("Attributes:\n")[2].partition("\n\nRaises:")[0]
    entries = re.findall(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", section, flags=re.MULTILINE)
    return {name: re.sub(r":\w+:`([^`]*)`|``", r"\1", " ".join(text.split())) for name, text in entries}


def _default(field: Field[Any], hint: Any) -> str:
    kind, shown = kind_of(hint), _shown(field.default)
    choices = get_args(kind) if get_origin(kind) is Literal else ()
    return "; ".join(filter(None, (shown, f"choose from {', '.join(choices)}"))) if choices else shown


def _shown(value: object) -> str:
    # None and missing defaults do not help.
    return str(value) if isinstance(value, (str, int, float)) else ""
