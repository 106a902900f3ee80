"""Options of a study: its runs, and how they are executed."""

from dataclasses import dataclass
from importlib.util import find_spec

from cmploss.errors import UserError
from cmploss.experiment.condition import NO_NOISE
from cmploss.tasks.folds import Folds

DEFAULT_OBJECTIVES = ("supervised", "no_dropout", "equal_compute", "comparative")


@dataclass(frozen=True)
class Shard:
    """One of several commands that share the runs of a study; number 0 runs pilot runs and searches, which all need."""

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """Read a shard.

        >>> Shard.parse("2/3")
        Shard(number=2, count=3)
        """
        words = text.split("/")
        if len(words) != 2 or not all(word.isdecimal() for word in words) or not int(words[0]) <= int(words[1]) > 0:
            raise UserError(f"--shard must be a number and how many there are, as in 1/4 or 4/4; got {text!r}")
        return cls(int(words[0]), int(words[1]))

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


@dataclass(frozen=True)
class RayResources:
    """What a run gets on a Ray cluster, as ``ray.remote`` calls it."""

    num_cpus: float = 1
    num_gpus: float = 0
    max_retries: int = 3

    @classmethod
    def parse(cls, text: str) -> "RayResources":
        """Read resources, as in ``num_cpus=2,num_gpus=0.5``.

        Raises:
            UserError: The text is not of this form, or ray is not installed.
        """
        kinds = {"num_cpus": float, "num_gpus": float, "max_retries": int}
        try:
            given = {name: kinds[name](value) for name, _, value in (word.partition("=") for word in text.split(","))}
        except (KeyError, ValueError) as error:
            raise UserError(f"--ray must be as in num_cpus=2,num_gpus=1,max_retries=3, got {text!r}") from error
        if find_spec("ray") is None:
            raise UserError("--ray needs ray; install it with: pip install 'cmploss[ray]'")
        return cls(**given)


@dataclass(frozen=True)
class StudyConfig:
    """The runs of a comparison: every objective with every seed, for every combination of sizes, noises and lengths.

    Attributes:
        objectives: Rows of the table; comma-separated names, sums such as comparative+scl, or your own as module:name.
            The first is the baseline.
        seeds: Number of seeds: 0 to N − 1, the same for every objective.
        folds: Test every example of one file: 5 folds, or 5x2 for 5 folds twice; instead of seeds.
        vary: Settings with several values, as in learning_rate=1e-4,5e-5; each combination of settings of the model and
            of training has a row for each objective, as in pooling=cls,mean learning_rate=1e-4,5e-5. Settings joined
            by + change together, as in lora+learning_rate=none+1e-4,r=8+1e-3.
        few_shot: Training sample sizes, such as 20,100; each seed draws its own sample. Default: all examples.
        noise: Training noise, such as none,label:0.1,typo:0.2.
        steps: Training lengths in optimizer steps, such as 100,400.
        measures: Measures of texts, comma-separated names or module:function; the first is that of the table.
        jobs: Number of runs at the same time, each in its own process with an equal share of the threads.
        shard: Train one share of the runs, as in 2/4, for job arrays on a shared file system; 0/4 does what all shares
            need, pilot runs and searches. The command without it then makes table and report.
        ray: Run on a Ray cluster, with these resources for each run, as in num_cpus=2,num_gpus=1,max_retries=3; --jobs
            is the number of runs at the same time.
        balanced_test: Size of a test split with equally many examples of each class. Default: all test examples.
        back_translation_models: Two models joined by a comma (hub ids or folders), for --noise back_translation:T.
        write_noisy: Write the training examples and their noisy versions to CSV files.
        search_trials: Trials per objective to choose its learning rate and weights on the validation split.
        init_from_study: Initialise each run from the checkpoint of the same objective and seed in this finished study.
        keep_checkpoints: Keep the checkpoint of every run. Default: only the best one.
        embeddings: Draw the [CLS] vectors of the test split for seed 0 of every objective.
        dropout_power: Also score the trained models with dropout at these powers, such as 0,1,2,3: measures, loss
            and violation rate.
        score_layers: Also score the trained models with so many of their layers, such as 6,4,2.
        skip_nonfinite: Leave out steps whose loss or gradient is not finite, and count them; else they end the run.
        margin: Points within which the verdict counts two objectives as the same.
    """

    objectives: str = ",".join(DEFAULT_OBJECTIVES)
    seeds: int = 5
    folds: str | None = None
    vary: tuple[str, ...] = ()
    few_shot: str | None = None
    noise: str = NO_NOISE
    steps: str | None = None
    measures: str | None = None
    jobs: int = 1
    shard: str | None = None
    ray: str | None = None
    balanced_test: int | None = None
    back_translation_models: str | None = None
    write_noisy: bool = False
    search_trials: int = 0
    init_from_study: str | None = None
    keep_checkpoints: bool = False
    embeddings: bool = False
    dropout_power: str | None = None
    score_layers: str | None = None
    skip_nonfinite: bool = False
    margin: float = 1.0

    @property
    def plan_of_folds(self) -> Folds | None:
        """The folds; None for seeds."""
        return None if self.folds is None else Folds.parse(self.folds)

    @property
    def of_shard(self) -> Shard | None:
        """The shard of this command; None for the whole study."""
        return None if self.shard is None else Shard.parse(self.shard)

    @property
    def on_ray(self) -> RayResources | None:
        """The resources of a run on a Ray cluster; None without Ray."""
        return None if self.ray is None else RayResources.parse(self.ray)

    @property
    def in_processes(self) -> str:
        """The option that makes runs leave this process; "" if they stay."""
        return f"--ray {self.ray}" if self.ray is not None else f"--jobs {self.jobs}" if self.jobs > 1 else ""

    @property
    def blocks(self) -> int:
        """Runs of each objective in a condition: seeds, or folds of all repeats."""
        plan = self.plan_of_folds
        return self.seeds if plan is None else plan.blocks

    @property
    def block(self) -> str:
        """What these runs differ in: seed or fold."""
        return "seed" if self.folds is None else "fold"
