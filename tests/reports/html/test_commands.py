"""The command of a row makes the same objective and settings again."""

import shlex

import pytest

from cmploss.experiment.spec import ObjectiveSpec, parse_objectives
from cmploss.model_config import ModelConfig
from cmploss.objectives.named import ObjectiveConfig, given_settings
from cmploss.options import parse_arguments
from cmploss.reports.html.commands import NAMED, OF_TASK, commands_of
from cmploss.studies.study_config import StudyConfig
from cmploss.tasks import catalog
from cmploss.tasks.qa import QuestionConfig
from cmploss.tasks.rag.rag_config import RagConfig
from cmploss.tasks.text import DataConfig
from tests.reports.runs import record_of
from tests.settings import SETTINGS

SECTIONS = (DataConfig, QuestionConfig, RagConfig, ModelConfig, ObjectiveConfig, StudyConfig)
CONFIGS = {
    **{name: row.settings for name, row in SETTINGS.items()},
    "comparative": {"n_drop": 2, "dropout_p": 0.2, "ranking_temperature": 2.0, "engine": "two_pass"},
    "equal_compute": {"n_drop": 0, "n_crop": 2},
    "rdrop": {"alpha": 2.0, "dropout_p": 0.3, "engine": "joint"},
}


def parsed(*records):
    program, command, *rest = shlex.split(*commands_of({"supervised": records}).values())
    assert (program, command) == ("cmploss", "compare")
    return parse_arguments(rest, SECTIONS, training=True)


@pytest.mark.parametrize("name", CONFIGS)
def test_every_objective_comes_back(name):
    spec = ObjectiveSpec.parse(name, CONFIGS[name])
    options = parsed(record_of(name, 0, 50.0, objective=spec.to_dict()))
    (again,) = parse_objectives(options[StudyConfig].objectives, given_settings(options[ObjectiveConfig]))
    assert again.build() == spec.build()


def test_settings_seeds_and_training_options_come_back():
    settings = {
        "task": "sst2",
        "data": {"train": "abc"},
        "objective": {"name": "supervised"},
        "seed": 4,
        "few_shot": 100,
        "class_pairs": False,
        "model": "some model/with space",
        "max_length": 64,
        "dropout_power": "0,1,2",
        "dropout_p": 0.1,
        "training": {"learning_rate": 5e-5, "bf16": True, "max_steps": 24},
    }
    options = parsed(
        *(record_of("supervised", seed, 50.0, task="sst2", settings=settings, train_size=100) for seed in (0, 4))
    )
    assert options[DataConfig].task == "sst2"
    assert (options[StudyConfig].seeds, options[StudyConfig].few_shot) == (5, "100")
    assert (options[ModelConfig].model, options[ModelConfig].max_length) == ("some model/with space", 64)
    assert (options[StudyConfig].dropout_power, options[ObjectiveConfig].dropout_p) == ("0,1,2", 0.1)
    assert options.training == {"learning_rate": 5e-5, "bf16": True, "max_steps": 24}


def test_what_a_search_found_stands_in_place_of_it_and_models_are_a_pair():
    settings = {
        "search": {"trials": 3},
        "then": {"objective": "supervised"},
        "back_translation_models": ["there", "back"],
        "training": {"learning_rate": 3e-5},
    }
    options = parsed(record_of("supervised", 0, 50.0, settings=settings))
    assert options[StudyConfig].back_translation_models == "there,back"
    assert (options[StudyConfig].search_trials, options[StudyConfig].init_from_study) == (
        StudyConfig.search_trials,
        None,
    )
    assert options.training == {"learning_rate": 3e-5}


def test_steps_that_follow_from_the_sample_are_left_to_it():
    training = {"num_train_epochs": 2.0}
    runs = [
        record_of("supervised", seed, 50.0, steps=steps, settings={"training": training | {"max_steps": steps}})
        for seed, steps in ((0, 30), (1, 33))
    ]
    assert parsed(*runs).training == training


def test_noise_comes_back():
    settings = {"noise": {"kind": "typo", "level": 0.1}}
    options = parsed(record_of("supervised", 0, 50.0, noise="typo:0.1", settings=settings))
    assert options[StudyConfig].noise == "typo:0.1"


def test_a_command_in_the_records_is_the_command_of_all_rows():
    data = record_of("none", 0, 60.0).data | {"command": "cmploss retrieve evaluate --index a"}
    runs = {name: [record_of(name, 0, 60.0, data=data)] for name in ("none", "rocchio")}
    assert commands_of(runs) == {"none, rocchio": "cmploss retrieve evaluate --index a"}


def test_rows_that_vary_a_setting_have_commands_of_their_own():
    """The settings of a row lack a default value; the row would take the value of the other row."""
    rows = {}
    for name, own in (("none", {}), ("2", {"freeze": "2"})):
        objective = {**ObjectiveSpec.parse("supervised").to_dict(), "varied": {"freeze": name}}
        rows[name] = [record_of("supervised", 0, 50.0, objective=objective, settings={"task": "sst2", **own})]
    commands = commands_of(rows)
    assert ["--freeze 2" in commands[name] for name in rows] == [False, True]


def test_tasks_with_a_name_are_those_of_the_catalog():
    regression = {name for name, task in catalog.TASKS.items() if not task.label_names and not task.bundled}
    assert set(NAMED) == {*catalog.QUESTION_TASKS, *regression}
    assert {*OF_TASK.values()} == {catalog.RAG_TASK, catalog.PRF_TASK, "question_answering"}


TASKS = {
    "tags": {"kind": "tags"},
    "rag": {"template": "{segments} {question}", "chat": True},
    "question_answering": {"max_question_tokens": 160, "stride": 128},
    "squad": {"task": "squad", "max_question_tokens": 160},
    "regression": {},
    "tickets": {},
}


@pytest.mark.parametrize("task", TASKS)
def test_the_kind_of_a_task_comes_back(task):
    """``tickets`` are an own file of texts with labels, for which the page tells to give the file."""
    record = record_of("supervised", 0, 50.0, settings=TASKS[task], task="squad" if task == "squad" else "tickets")
    if task == "regression":
        record.data["label_names"] = []
    options = parsed(record)
    assert options[DataConfig].task == task
    assert options[RagConfig].prompt == TASKS[task].get("template")
