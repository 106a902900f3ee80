"""Train one model with one objective and write a plain transformers checkpoint with its record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cmploss.cli.run_output import train_once
from cmploss.experiment.condition import NO_NOISE, Noise
from cmploss.experiment.run_dir import folder_name
from cmploss.experiment.spec import ObjectiveSpec, note_unused
from cmploss.model_config import ModelConfig
from cmploss.objectives.named import ObjectiveConfig, given_settings
from cmploss.options import parse_arguments, whole_numbers
from cmploss.studies.plan import translation_of
from cmploss.studies.run_config import RunConfig
from cmploss.tasks.data_config import DataConfig
from cmploss.tasks.loading import load_task
from cmploss.tasks.qa.qa_config import QuestionConfig
from cmploss.tasks.rag.rag_config import RagConfig


@dataclass(frozen=True)
class TrainFlags:
    """Which run.

    Attributes:
        objective: supervised, no_dropout, equal_compute, comparative, weighted, scl, rdrop, label_smoothing, lol,
            distill, self_distill, raft, a sum such as comparative+scl, or your own as module:name.
        few_shot: Size of a stratified training sample drawn with the seed; all examples by default.
        noise: Training noise, such as label:0.1 (a single setting).
        back_translation_models: Two models joined by a comma (hub ids or folders), for --noise back_translation:T.
        seed: Seed of the new head, the order of the data, dropout, the sample and noise.
        dropout_power: Dropout powers of submodels to score too, as in 0,1,2,3: measures, loss and violation rate.
        score_layers: Numbers of layers of submodels to score too, as in 6,4,2.
        skip_nonfinite: Leave out steps whose loss or gradient is not finite, and count them; else they end the run.
    """

    objective: str = "supervised"
    few_shot: int | None = None
    noise: str = NO_NOISE
    back_translation_models: str | None = None
    seed: int = 0
    dropout_power: str | None = None
    score_layers: str | None = None
    skip_nonfinite: bool = False


USAGE = "[FILE.yaml] --task NAME | --train_file FILE [--option value …]"
SECTIONS = (DataConfig, ModelConfig, QuestionConfig, RagConfig, ObjectiveConfig, TrainFlags)
TRAINING = True


def run(argv: Sequence[str]) -> int:
    options = parse_arguments(argv, SECTIONS, training=True)
    flags = options[TrainFlags]
    shared = given_settings(options[ObjectiveConfig])
    spec = ObjectiveSpec.parse(flags.objective, shared)
    note_unused([spec], shared, flags.dropout_power)
    output_dir, noise = options.take("output_dir"), Noise.parse(flags.noise)
    config = RunConfig(
        spec,
        flags.seed,
        dropout_p=shared.get("dropout_p"),
        model_config=options[ModelConfig],
        few_shot=flags.few_shot,
        noise=noise,
        translation=translation_of(flags.back_translation_models, Path(output_dir or "runs/run").parent, [noise]),
        powers=whole_numbers("dropout_power", flags.dropout_power, least=0),
        depths=whole_numbers("score_layers", flags.score_layers, least=1)[::-1],
        skip_nonfinite=flags.skip_nonfinite,
        training=options.training,
    )
    task = load_task(options)
    config = replace(config, training={**task.training, **options.training})
    folder = Path(output_dir or f"runs/{task.name}-{folder_name(spec.name)}-{flags.seed}")
    return train_once(config, task, folder)
