"""The headline and the notes of a study."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from cmploss.devices import visible_gpus
from cmploss.models import size_in_words
from cmploss.studies.run import new_model
from cmploss.studies.run_notes import notes_on
from cmploss.studies.study import Study
from cmploss.tasks.base import eval_split

SMALL_TEST = 200
"""With fewer test examples, folds are proposed: one example is more than half a point."""


def headline(study: Study) -> str:
    """The study in one line."""
    first = study.runs[0].config
    task = study.tasks.of(first)
    model = f"{Path(task.model).name} ({size_in_words(new_model(first, task))})"
    sizes = _listed(condition.train_size or task.sizes["train"] for condition in study.conditions)
    noises = _listed(condition.noise for condition in study.conditions)
    steps = _listed(condition.steps for condition in study.conditions)
    facts = [
        study.task.name,
        study.task.description,
        f"{sizes} training examples",
        *([f"{study.config.folds} folds"] if study.config.folds else []),
        *([] if noises == "none" else [f"noise {noises}"]),
        model,
        "steps by pilot runs" if study.open_length else f"{steps} steps",
        f"{len(study.runs)} run{'s' if len(study.runs) > 1 else ''}",
    ]
    return " · ".join(facts)


def notes(study: Study) -> list[str]:
    """Changes of the data, for a small test split the proposal of folds, and GPUs that are not used."""
    task, config = study.task, study.config
    found = list(study.tasks.of(study.runs[0].config).notes if config.folds else task.notes)
    size, undivided = task.sizes.get(eval_split(task), 0), task.undivided
    if size < SMALL_TEST and undivided and config.folds is None and config.few_shot is None:
        found.append(f"the test split has {size} examples; --folds 5 tests all {undivided}.")
    length = {"by": "pilot runs"} if study.open_length else {}  # they are evaluated on the validation split
    configs = [replace(run.config, length=run.config.length or length) for run in study.runs]
    found += dict.fromkeys(note for config in configs for note in notes_on(config, study.tasks.of(config)))
    gpus = len(visible_gpus())
    if config.jobs < gpus and config.ray is None and not study.base.training.get("use_cpu"):
        found.append(f"a run uses one GPU, and {gpus} are visible; --jobs {gpus} uses all.")
    return found


def _listed(values: Any) -> str:
    return ", ".join(dict.fromkeys(map(str, values)))
