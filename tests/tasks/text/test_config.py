import pytest

from cmploss.errors import UserError
from cmploss.tasks.data_config import check_config
from cmploss.tasks.text import TASKS, DataConfig


def refusal(**settings):
    """What is said against the settings, None if nothing is."""
    try:
        check_config(DataConfig(**settings))
    except UserError as error:
        return str(error)
    return None


@pytest.mark.parametrize("task", TASKS)
def test_a_task_alone_is_enough(task):
    assert refusal(task=task) is None
    assert "--label_column is for your own files" in refusal(task=task, label_column="label")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"task": "SST-2"},
            "'SST-2' is unknown; did you mean sst2. choose from cola, sst2, .*classification, regression",
        ),
        ({"task": "xyz"}, "'xyz' is unknown; choose from cola"),
        ({}, "--train_file or --task is missing; give your own --train_file, or as --task one of cola"),
        ({"task": "classification"}, "--train_file or --task is missing"),
        ({"task": "regression"}, "--train_file or --task is missing"),
        ({"task": "regression", "data_dir": "d"}, "--data_dir is for the original files of a GLUE task"),
        ({"task": "rte", "data_dir": "d", "train_file": "t.tsv"}, "exclude each other; give one"),
        ({"task": "rte", "validation_file": "t.tsv"}, "need --train_file"),
        ({"test_file": "t.tsv"}, "need --train_file"),
        ({"task": "rte", "text_column": "a"}, "--text_column is for your own files"),
        ({"task": "helpdesk", "label_column": "a"}, "--label_column is for your own files"),
        ({"task": "helpdesk", "train_file": "a.csv"}, "--task helpdesk comes with its data"),
        ({"dataset": "a/b", "train_file": "t.csv"}, "--dataset is all data: leave out files, --data_dir, and a --task"),
        ({"task": "squad", "also_test": "a=b.csv"}, "--also_test does not apply to --task squad"),
        ({"dataset": "a/b", "task": "squad"}, "--dataset is all data"),
        ({"task": "helpdesk", "data_dir": "a"}, "--task helpdesk comes with its data"),
        ({"train_file": "a.csv", "max_train_samples": 0}, "--max_train_samples must be >= 1, got 0"),
        ({"train_file": "a.csv", "max_eval_samples": "9"}, "--max_eval_samples must be >= 1, got '9'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(UserError, match=message):
        check_config(DataConfig(**settings))
