"""Records of runs that were never trained."""

import importlib
from types import SimpleNamespace

from cmploss.experiment import Benchmark, Condition, RunRecord, Score


def made_up(study, name, seed, score):
    benchmark = Benchmark(study, "accuracy", "test")
    objective = {"name": name, "kind": name, "settings": {}}
    cost = {"seconds": 3.0 if name == "no_dropout" else 2.0}
    return RunRecord(benchmark, Condition(), objective, seed, scores=[Score("test", "accuracy", score)], cost=cost)


def with_records(monkeypatch, runs):
    """The modules of the evidence, which find these runs, and expect those that are there now."""
    names = ("records", "settings", "tables", "development", "passages")
    modules = {name: importlib.import_module(f"evidence_{name}") for name in names}
    for module in modules.values():
        monkeypatch.setattr(module, "records_of", lambda study: runs.get(study, []), raising=False)
    expected = {study: [(run.name, run.seed) for run in modules["records"].runs_of(study)] for study in runs}
    monkeypatch.setattr(modules["records"], "planned", lambda: expected)
    monkeypatch.setattr(modules["records"], "runs_of_recipe", expected.get)
    monkeypatch.setattr(modules["tables"], "references_of", lambda study: [])
    monkeypatch.setattr(modules["tables"], "TEXTS", {})
    return SimpleNamespace(**modules, page=importlib.import_module("evidence"))
