"""Defaults of transformers that decide a result are known, fixed and given to every run."""

from dataclasses import fields
from types import SimpleNamespace

from transformers import TrainingArguments

from cmploss.experiment.spec import ObjectiveSpec
from cmploss.studies.run_config import RunConfig
from cmploss.training_options import FIXED_DEFAULTS, TRAINING_DEFAULTS

# They decide a result too, and mean that nothing is changed. They have no value that could be given.
OFF = {
    "accelerator_config": None,
    "auto_find_batch_size": False,
    "bf16_full_eval": False,
    "data_seed": None,
    "fp16_full_eval": False,
    "full_determinism": False,
    "lr_scheduler_kwargs": None,
    "neftune_noise_alpha": None,
    "optim_args": None,
    "optim_target_modules": None,
    "tf32": None,
    "torch_compile": False,
    "use_liger_kernel": False,
}


def test_the_installed_transformers_has_the_defaults_that_we_know():
    found = {field.name: getattr(field.default, "value", field.default) for field in fields(TrainingArguments)}
    known = {**FIXED_DEFAULTS, **OFF}
    assert {name: found[name] for name in known} == known


def test_every_run_is_given_the_fixed_defaults(tmp_path, monkeypatch):
    given = {}

    def arguments(**values):
        given.update(values)
        return SimpleNamespace(
            lr_scheduler_kwargs=None, max_grad_norm=1.0, fp16=False, load_best_model_at_end=False, report_to=[], n_gpu=0
        )

    monkeypatch.setattr("transformers.TrainingArguments", arguments)
    config = RunConfig(ObjectiveSpec.parse("supervised", {}), training={"weight_decay": 0.1})
    config.arguments(tmp_path, 3)
    expected = {**FIXED_DEFAULTS, "weight_decay": 0.1}
    assert {name: given[name] for name in FIXED_DEFAULTS} == expected
    assert FIXED_DEFAULTS.items() <= TRAINING_DEFAULTS.items()
