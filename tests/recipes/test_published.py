"""Recipes agree with a second transcription of the published settings, and every published run has its recipe."""

import shlex
from collections import Counter
from itertools import pairwise

import pytest

from cmploss.experiment.spec import ObjectiveSpec, split_outside
from cmploss.recipes.recipe import all_recipes, published_runs
from cmploss.tasks.prf.prf_task import published_training
from tests.docs.pages import ROOT, cells_of
from tests.docs.test_docs import check_command

RECIPES = all_recipes()
CARD = (ROOT / "docs" / "methods" / "comparative.md").read_text(encoding="utf-8")
GLUE = [cells_of(line) for line in CARD.splitlines() if line.startswith("| ") and line.count("→") == 4]
# model, learning rate, epochs, length, batch, target
SQUAD = """
google/bert_uncased_L-2_H-128_A-2 2e-4 3 512 12 ultra
google/bert_uncased_L-12_H-256_A-4 1e-4 2 512 12 ultra
google/electra-small-discriminator 1e-4 2 512 12 ultra
google/bert_uncased_L-8_H-512_A-8 5e-5 2 512 12 ultra
bert-base-uncased 3e-5 2 512 12 ultra
google/electra-base-discriminator 3e-5 2 512 12 ultra
bert-large-uncased 3e-5 2 384 24 first
google/electra-large-discriminator 1e-5 2 512 12 first
"""


@pytest.mark.parametrize("row", GLUE, ids=lambda row: row[0])
def test_glue_is_as_the_card_says(row):
    task, _, batch, rates, lengths, warm_ups, decays, n_drop, target = row
    name = task.lower().replace("-", "")
    sides = zip(*(cell.split(" → ") for cell in (rates, lengths, warm_ups, decays)), strict=True)
    for objective, (rate, length, warm_up, decay) in zip(("supervised", "comparative"), sides, strict=True):
        options = RECIPES[f"glue/{name}-{objective}"].options
        unit = lengths.split()[-1] if length.isdecimal() else length.split()[1]
        number = {"steps": options.get("max_steps"), "epochs": options.get("num_train_epochs")}[unit]
        assert (options["task"], options["objective"], options["model"]) == (name, objective, "bert-base-cased")
        assert (options["per_device_train_batch_size"], options["learning_rate"]) == (int(batch), float(rate))
        assert number == int(length.split()[0])
        assert options["warmup_steps"] == (0.1 if warm_up == "10 %" else int(warm_up))
        assert f"{options['weight_decay']:g}".lstrip("0") == decay.lstrip("0")
        assert options.get("fp16", False) == (decay == ".01")
    assert (options["n_drop"], options["target"]) == (int(n_drop), target.strip("`"))
    assert RECIPES[f"glue/{name}"].options == {k: v for k, v in options.items() if k != "objective"}


def test_the_card_has_all_tasks():
    assert len(GLUE) == 8


def test_squad_is_as_published():
    found = []
    for name, recipe in RECIPES.items():
        if name.startswith("squad/") and recipe.published:
            at = recipe.options.get
            batch = at("per_device_train_batch_size") * at("gradient_accumulation_steps", 1)
            row = (at("model"), at("learning_rate"), at("num_train_epochs"), at("max_length"), batch, at("target"))
            found.append((*row, at("n_drop"), at("stride"), at("warmup_steps"), at("eval_steps")))
    rows = [line.split() for line in SQUAD.split("\n") if line]
    assert found == [
        (model, float(rate), int(epochs), int(length), int(batch), target, 2, 128, 0.1, 1000)
        for model, rate, epochs, length, batch, target in rows
    ]


@pytest.mark.parametrize("retriever", ["ance", "unicoil"])
@pytest.mark.parametrize("n", [0, 1, 2])
def test_lol_is_as_published(retriever, n):
    options = RECIPES[f"lol/{retriever}-n{n}"].options
    published = published_training({"ance": "dense", "unicoil": "sparse"}[retriever], 1 + n)
    assert {key: options[key] for key in published} == published
    assert options["shuffle"]
    specs = [ObjectiveSpec.parse(each) for each in options["objectives"]]
    assert {len(spec.build().variants) for spec in specs} == {1 + n}
    assert n == 0 or [spec.settings["feedback_weight"] for spec in specs] == [0, 0.5, 1, 1.5, 2]


def test_every_published_run_has_a_recipe_and_options_that_run_it_alone():
    distinct = {(run.recipe, run.options) for run in published_runs()}  # some have several numbers
    papers = Counter(recipe.partition("/")[0] for recipe, _ in distinct)
    assert {"glue": 16, "squad": 16}.items() <= papers.items()
    assert papers["scl"] == 18 + 24 + 12 + 9 + 4 + 1  # few-shot, noise, full data, batch sizes, transfer, t-SNE
    for run in published_runs():
        recipe, words = RECIPES[run.recipe], shlex.split(run.options)
        assert check_command(["recipes", "run", run.recipe, *words])
        given = {flag.removeprefix("--"): word for flag, word in pairwise(words)}
        for option in ("objectives", "few_shot", "noise"):
            of_recipe = [str(value) for value in recipe.options.get(option, [])]
            assert set(split_outside(given[option], ",") if option in given else ()) <= set(of_recipe)
    assert [name for name, each in RECIPES.items() if each.hours and not each.published] == [
        *(f"glue/{task}" for task in ("cola", "sst2", "mrpc", "stsb", "qqp", "mnli", "qnli", "rte")),
        "scl/transfer-source",
    ]
