"""Which runs a study consists of, as options say it, and the defaults of training."""

from dataclasses import dataclass
from typing import Any

from cmploss.experiment.condition import NO_NOISE

DEFAULT_OBJECTIVES = ("supervised", "no_dropout", "equal_compute", "comparative")

# Where these differ from transformers', the reason is ours.
TRAINING_DEFAULTS: dict[str, Any] = {
    "per_device_train_batch_size": 16,
    "per_device_eval_batch_size": 64,
    "warmup_steps": 0.1,  # a share of all steps: short runs of pretrained encoders are unstable without it
    "train_sampling_strategy": "group_by_length",  # less padding
    "logging_steps": 10,
    "save_strategy": "no",
    "report_to": "none",
    "disable_tqdm": True,
    "dataloader_pin_memory": False,
}


@dataclass(frozen=True)
class StudyConfig:
    """Which runs a comparison consists of: every objective with every seed, in every cell of a grid.

    Attributes:
        objectives: Comma-separated names; the first is the baseline of the table.
        seeds: Number of seeds, 0 … seeds − 1, the same for every objective.
        few_shot: Sizes of the training sample of each seed, as in 20,100; all examples by default.
        noise: Noises in the training examples, as in none,label:0.1,typo:0.2.
        steps: Training lengths in optimizer steps, as in 100,400.
    """

    objectives: str = ",".join(DEFAULT_OBJECTIVES)
    seeds: int = 5
    few_shot: str | None = None
    noise: str = NO_NOISE
    steps: str | None = None


@dataclass(frozen=True)
class StudyTools:
    """What else a comparison can do.

    Attributes:
        jobs: Processes that run at the same time; each has its share of the threads.
        balanced_test: Size of a test part with equally many examples of each class; all test examples by default.
        back_translation_models: Hub ids or folders of two models joined by a comma, for --noise back_translation:T.
        write_noisy: Write the training examples beside their noisy versions as CSV.
        search_trials: Trials per objective to choose its learning rate and weights by validation.
        then: Folder of a finished study with checkpoints; every run continues from its run of that objective and seed.
        keep_checkpoints: Keep the checkpoint of every run; only the best one by default.
        embeddings: Draw the [CLS] vectors of the test part for seed 0 of every objective.
        dropout_power: Dropout powers at which the trained models are scored too, as in 0,1,2,3: measures, loss and
            violation rate of their submodels.
    """

    jobs: int = 1
    balanced_test: int | None = None
    back_translation_models: str | None = None
    write_noisy: bool = False
    search_trials: int = 0
    then: str | None = None
    keep_checkpoints: bool = False
    embeddings: bool = False
    dropout_power: str | None = None
