"""A tiny encoder on disk, and runs that take a fraction of a second."""

import pytest
from transformers.utils import logging

from cmploss.experiment.spec import ObjectiveSpec
from cmploss.model_config import ModelConfig
from cmploss.studies import RunConfig
from cmploss.tasks.text import task_data
from cmploss.tasks.text.text_task import TextTask
from tests.local_model import reviews, save_encoder

TRAINING = {"use_cpu": True, "learning_rate": 3e-3, "per_device_train_batch_size": 8, "logging_steps": 4}


@pytest.fixture(scope="session")
def encoder(tmp_path_factory):
    logging.disable_progress_bar()
    return save_encoder(tmp_path_factory.mktemp("models") / "encoder")


@pytest.fixture(scope="session")
def task(encoder):
    """60 reviews, split into 42, 6 and 12, encoded."""
    return TextTask(task_data(reviews(60)), encoder, 16)


@pytest.fixture(scope="session")
def config_of(encoder):
    """A run of 12 steps, two epochs."""

    def make(objective="comparative", seed=0, **options):
        few_shot, settings = options.pop("few_shot", None), options.pop("settings", {})
        return RunConfig(
            ObjectiveSpec.parse(objective, settings),
            seed,
            model_config=ModelConfig(encoder, 16),
            few_shot=few_shot,
            dropout_p=settings.get("dropout_p"),
            training={**TRAINING, "max_steps": 12, **options},
        )

    return make
