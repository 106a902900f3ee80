"""The tables of the evidence are those of its records, with the tests of the protocol."""

import importlib
import re
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from types import SimpleNamespace

import numpy
import pytest
from scipy.stats import ttest_1samp

from cmploss.experiment import Benchmark, Condition, Score
from cmploss.experiment.statistics.family import FamilyDifference
from cmploss.recipes.recipe import all_recipes
from cmploss.reports.formatting import p_text
from tests.docs.made_up_runs import made_up, with_records
from tests.docs.pages import PAGES

ROOT = Path(__file__).parents[2]


def test_the_tables_of_the_evidence_are_made_from_its_records():
    assert importlib.import_module("evidence").page() == (ROOT / "docs" / "evidence.md").read_text(encoding="utf-8")


INTERVAL = re.compile(r"[−+]\d+\.\d+ \[[−+]\d+\.\d+, [−+]\d+\.\d+\]")


def test_the_intervals_that_pages_quote_from_the_evidence_are_in_its_tables():
    """Every section that links to the evidence, and its own paragraphs about the answers."""
    evidence = (ROOT / "docs" / "evidence.md").read_text(encoding="utf-8")
    tables = set(INTERVAL.findall("\n".join(line for line in evidence.splitlines() if line.startswith("|"))))
    answers = evidence.partition("**What they say.**")[2].partition("**Limits.**")[0]
    sections = [section for page in PAGES for section in page.read_text(encoding="utf-8").split("\n## ")]
    quoting = [answers, *(section for section in sections if "evidence.md" in section)]
    quoted = {
        found for text in quoting for found in INTERVAL.findall(" ".join(text.split()).replace(" points [", " ["))
    }
    assert len(quoted) >= 8
    assert quoted <= tables


def test_a_learning_rate_is_chosen_if_it_beats_the_default_clearly():
    chosen = importlib.import_module("evidence_development").chosen_rate
    default = {("a", 0): 50.0, ("a", 1): 60.0, ("b", 0): 70.0, ("b", 1): 80.0}
    clearly = {("a", 0): 51.0, ("a", 1): 61.0, ("b", 0): 71.0, ("b", 1): 82.0}  # + 1.25, standard error 0.25
    hardly = {("a", 0): 51.0, ("a", 1): 59.0, ("b", 0): 72.0, ("b", 1): 80.0}  # + 0.5, standard error 0.65
    assert chosen({5e-5: hardly, 1e-4: default}) == 1e-4
    assert chosen({5e-5: hardly, 1e-4: default, 2e-4: clearly}) == 2e-4


def test_differences_over_data_sets_are_t_tests_of_their_means():
    evidence = importlib.import_module("evidence_tables")
    gaps = {"a": [0.5, 1.0, 1.5, 0.8, 1.2], "b": [0.5, -0.6, 0.1, 0.2, -0.1], "c": [-2.0, -1.5, -2.5, -1.8, -2.2]}
    family = evidence.paired_with_zero({name: dict(zip("vwxyz", of, strict=True)) for name, of in gaps.items()})
    for name, of in gaps.items():
        assert family.comparisons[name].p == pytest.approx(ttest_1samp(of, 0).pvalue)
    assert [evidence.answer(family.comparisons[name]) for name in gaps] == ["yes", "no", "no, it is worse"]
    unsure = evidence.paired_with_zero({"d": dict(zip("vwxyz", [3.0, -3.0, 2.0, -1.0, 1.0], strict=True))})
    assert evidence.answer(unsure.comparisons["d"]) == "not decided"


ROWS = {"supervised": 80.0, "comparative": 80.1, "no_dropout": 80.2, "equal_compute": 80.0, "rdrop": 79.0}


def test_no_score_is_shown_before_all_runs_are_there(monkeypatch):
    """Two studies of records that are made up; the second one lacks a run at first."""
    runs = {
        study: [made_up(study, name, seed, score + seed / 10) for name, score in ROWS.items() for seed in range(10)]
        for study in ("rte", "stsb")
    }
    evidence, studies = with_records(monkeypatch, runs), {"rte": "RTE", "stsb": "STS-B"}
    lost, tables = runs["stsb"].pop(), evidence.tables
    monkeypatch.setattr(tables, "TEXTS", studies)
    monkeypatch.setattr(tables, "find_recipe", lambda name: SimpleNamespace(options={"objectives": list(ROWS)}))
    assert "| `stsb` | 49 of 50 |\n| all | 99 of 100 |" in evidence.page.state()
    shown = {tables.scores(studies), tables.verdicts(studies), tables.answers(), tables.defaults()}
    assert shown == {tables.NOT_COMPLETE}
    runs["stsb"].append(replace(lost, seed=0))  # as many runs as planned, but not these
    assert tables.scores(studies) == tables.NOT_COMPLETE
    runs["stsb"][-1] = lost
    assert "| RTE | accuracy | 80.5 ± 0.3 (10) | 80.5 ± 0.3 (10) |" in tables.scores(studies)
    falling = [{"loss": 2 - step / 20} for step in range(20)]
    runs["stsb"] = [replace(run, history=falling if run.name == "rdrop" else []) for run in runs["stsb"]]
    assert tables.scores(studies).count("†") == 1
    assert tables.scores(studies).endswith("79.5 ± 0.3 (10) † |\n")
    assert "| Q1: comparative − supervised | 2 | +0.1 | – | – |" in tables.answers()  # two data sets have no test
    assert "| no_dropout | 2 | +0.2 | – | – | 2 of 2 | 1.50 × |" in tables.defaults()
    assert "| supervised | 2 | – | – | – | 0 of 2 | 1.00 × |" in tables.defaults()


def test_the_gain_at_one_value_of_a_setting_is_compared_with_that_at_another(monkeypatch):
    """Gains are 1 on average at the first value, and 3 with two passes."""
    needed = {
        row: ending
        for axis in importlib.import_module("evidence_settings").AXES.values()
        for values in axis.values()
        for value in values
        for ending, row in (value.one, value.other)
    }
    gains = {"comparative": (1, 2, 0, 1, 1), "comparative(n_drop=2)": (3.1, 4.0, 2.0, 2.9, 3.0)}
    runs = {
        data + ending: [
            made_up(data + ending, row, seed, 80 + gains.get(row, (0,) * 5)[seed])
            for row in needed
            for seed in range(5)
        ]
        for data in ("sst2", "mrpc", "banking77")
        for ending in ("", "-small", "-large", "-ablation", "-depth", "-distill")
    }
    runs["rte"] = [made_up("rte", "supervised", 0, 80.0)]
    evidence = with_records(monkeypatch, runs)
    settings = evidence.settings
    (table,) = settings.axis_tables(settings.AXES["Passes"]).values()
    assert "| SST-2 | 1 | +1.0 [+0.1, +1.9] | 1.2 | – | – | – |" in table
    gaps, change = [1, 2, 0, 1, 1], [2.1, 2.0, 2.0, 1.9, 2.0]
    p = ttest_1samp(change, 0).pvalue * 6  # two values of three data sets
    row = next(line for line in table.splitlines() if line.startswith("| SST-2 | 2 |"))
    assert "+3.0 [+2.1, +3.9] | 1.2 | +2.0 [+1.8, +2.2] | <.001 | 0.2 |" in row
    assert p < 0.001 < ttest_1samp(gaps, 0).pvalue
    assert settings.setting_tables().count("| data set | value |") == 7
    monkeypatch.setattr(evidence.tables, "TEXTS", {"rte": "RTE"})
    lost = runs["mrpc-distill"].pop()
    shown = settings.setting_tables()
    assert (shown.count("| data set | value |"), "Students of" in shown) == (6, False)
    assert shown.endswith(f"{evidence.tables.NOT_COMPLETE[:-1]} (students).\n")
    runs["mrpc-distill"].append(lost)
    runs["rte"].pop()  # no setting has it, but question 1
    none = f"{evidence.tables.NOT_COMPLETE[:-1]} (training examples, passes, target, layers, students).\n"
    assert settings.setting_tables() == none


def test_changes_have_holms_correction_over_all_tables_of_their_axis(monkeypatch):
    """The training size has three tables, of three data sets and two changes each."""
    noise, settings = numpy.random.default_rng(0), importlib.import_module("evidence_settings")
    endings, rows = ("", "-small", "-large"), ("comparative", "supervised", "no_dropout", "equal_compute")
    scores = {
        (data, ending, row): 80 + noise.normal(2 * (row + ending == "comparative-small"), 0.5, 5)
        for data in settings.DATA
        for ending in endings
        for row in rows
    }
    runs = {
        data + ending: [made_up(data, row, seed, scores[data, ending, row][seed]) for row in rows for seed in range(5)]
        for data in settings.DATA
        for ending in endings
    }
    settings = with_records(monkeypatch, runs).settings

    def change(data, ending, row):
        gains = [scores[data, size, "comparative"] - scores[data, size, row] for size in (ending, "")]
        return ttest_1samp(gains[0] - gains[1], 0).pvalue

    raw = sorted(change(data, ending, row) for data in settings.DATA for ending in endings[1:] for row in rows[1:])
    expected = list(accumulate((min(1, p * (18 - step)) for step, p in enumerate(raw)), max))
    tables = settings.axis_tables(settings.AXES["Training examples"]).values()
    shown = [line.split(" | ")[-2] for table in tables for line in table.splitlines()[2:]]
    assert sorted(p for p in shown if p != "–") == sorted(map(p_text, expected))
    assert len({*shown}) > 3


def test_the_studies_of_the_settings_have_the_rows_of_their_tables():
    """Except the rows of varied settings, which have the names of the objective and of the value."""
    settings, recipes = importlib.import_module("evidence_settings"), all_recipes()
    for axis in settings.AXES.values():
        values = (value for of in axis.values() for value in of)
        for ending, row in (source for value in values for source in (value.one, value.other)):
            options = recipes[f"evidence/sst2{ending}"].options
            objective, _, varied = row.partition(" · num_layers=")
            assert objective in options["objectives"]
            assert not varied or int(varied) in options["vary"]["num_layers"]
            assert options["seeds"] >= len(settings.SEEDS)


CROPS = ("equal_compute(n_drop=0,n_crop=1)", "comparative(n_drop=0,n_crop=1)", "comparative(n_drop=1,n_crop=1)")


def test_readers_are_compared_by_what_more_passages_cost(monkeypatch):
    """``supervised`` loses 9.8 points on average from 2 to 10 passages, one row 8, the others as much."""
    kept = {"comparative(n_drop=0,n_crop=1)": (1.5, 2.5, 2.0, 1.8, 2.2)}
    runs = {}
    for study, (fewest, most) in {"squad-paragraphs": (1, 4), "hotpotqa": (2, 10)}.items():
        runs[study] = []
        for row in ("supervised", *CROPS):
            for seed in range(5):
                f1 = {fewest: 50.0 + seed, most: 40.0 + seed + kept.get(row, (0.1 * seed,) * 5)[seed]}
                scores = [Score("test", "accuracy", 0.0)]
                scores += [Score("test", "f1", value, {"context_size": size}) for size, value in f1.items()]
                runs[study].append(replace(made_up(study, row, seed, 0), scores=scores))
    passages = with_records(monkeypatch, runs).passages
    sizes = {"squad-paragraphs": "1,4", "hotpotqa": "2,10"}
    recipe = {f"evidence/{study}": SimpleNamespace(options={"context_size": of}) for study, of in sizes.items()}
    monkeypatch.setattr(passages, "find_recipe", recipe.get)
    found = next(line for line in passages.distraction().splitlines() if f"HotpotQA | {CROPS[1]}" in line)
    assert "| 2: 52.0, 10: 44.0 | −8.0 | +1.8 [+1.1, +2.5] | .001 |" in found
    assert found.endswith(" | yes |")
    runs["hotpotqa"].pop()
    assert passages.distraction() == passages.NOT_COMPLETE


def test_lol_is_compared_with_its_training_without_comparison_and_with_plain_training(monkeypatch):
    """It gains 2 points on average over the first and 1 over the second, more on some queries."""

    def run(study, name, seed, passages, score):
        queries = [score - 3, score, score + 3 + 3 * (name == "lol"), score - 3 * (name == "lol")]
        benchmark = Benchmark(study, "nDCG@10", "test", unit="seed" if passages is None else "query")
        return replace(
            made_up(study, name, seed, 0),
            benchmark=benchmark,
            condition=Condition(others={} if passages is None else {"passages": passages}),
            scores=[Score("test", "nDCG@10", score), *of_sizes(score, seed, passages)],
            predictions={"test": {"ids": ["a", "b", "c", "d"], "nDCG@10": queries}},
        )

    def of_sizes(score, seed, passages):
        """What a study has for each number of passages: a loss of 1 to 1.4 points by each."""
        sizes = range(4) if passages is None else ()
        return [Score("test", "nDCG@10", score + (3 - n) * (1 + seed / 10), {"passages": n}) for n in sizes]

    gains = {
        "supervised": (1.1, 0.9, 1.0, 1.2, 0.8),
        "lol(feedback_weight=0)": (0,) * 5,
        "lol": (2, 2.2, 1.8, 2.1, 1.9),
    }
    folder = {"lol(feedback_weight=0)": "several"}
    runs = {
        "scifact": [run("scifact", row, s, None, 60 + of[s]) for row, of in gains.items() for s in range(5)],
        "dl19": [
            run("dl19", folder.get(row, row), s, most, 50 + most + of[s])
            for row, of in gains.items()
            for s in range(5)
            for most in range(4)
        ],
    }
    passages = with_records(monkeypatch, runs).passages
    lines = passages.feedback().splitlines()
    assert [line.split(" | ")[:4] for line in lines[2:]] == [
        ["| SciFact", "`lol(feedback_weight=0)`", "60.0", "62.0"],
        ["| SciFact", "`supervised`", "61.0", "62.0"],
        ["| TREC DL 2019", "`lol(feedback_weight=0)`", "53.0", "55.0"],
        ["| TREC DL 2019", "`supervised`", "54.0", "55.0"],
    ]
    over_seeds, over_both = lines[2].split(" | ")[4], lines[2].split(" | ")[6]
    assert over_seeds.startswith("+2.0 [+1.")
    assert over_seeds.endswith("]*")
    low, high = (float(end.replace("−", "-")) for end in over_both[1:-1].split(","))
    assert low < 0 < high  # the queries differ more than the seeds
    assert (low + high) / 2 == pytest.approx(2.0, abs=0.05)
    lines = passages.feedback_by_passages().splitlines()
    assert lines[3].startswith("| SciFact | `lol(feedback_weight=0)` | 63.6 ± 0.5 (5) | 62.4 ± 0.3 (5) |")
    assert lines[2].endswith("| −1.0 [−1.2, −0.8]* |")
    assert lines[3].endswith("]* | −2.0 [−2.2, −1.8]* |")
    assert " | −3.6 [−4." in lines[3]
    assert lines[7].startswith("| TREC DL 2019 | `lol` | 52.0 ± 0.2 (5) | 53.0 ± 0.2 (5) |")
    assert lines[7].endswith("| +3.0 | – |")
    runs["dl19"].pop()
    assert passages.feedback() == passages.feedback_by_passages() == passages.NOT_COMPLETE


def test_an_answer_is_what_the_shown_interval_says():
    answer = importlib.import_module("evidence_tables").answer
    found = FamilyDifference(0.0, -0.9, 0.9, 0.5, 10, adjusted=0.6, equivalence_low=-1.1, equivalence_high=1.1)
    shifted = {mean: replace(found, mean=mean, low=mean - 0.9, high=mean + 0.9) for mean in (0.0, 0.2, 1.0, -1.0)}
    significant = {mean: replace(of, adjusted=0.01) for mean, of in shifted.items() if abs(mean) == 1}
    assert {mean: answer(of) for mean, of in (shifted | significant).items()} == {
        0.0: "no",
        0.2: "not decided",
        1.0: "yes",
        -1.0: "no, it is worse",
    }


def test_stars_say_whether_other_examples_are_covered_too():
    starred = importlib.import_module("evidence_tables").starred
    found = FamilyDifference(2.0, 1.0, 3.0, 0.01, 5, adjusted=0.02)
    assert [starred(found, crossed) for crossed in (None, (-0.1, 4.1), (0.1, 3.9))] == [
        "+2.0 [+1.0, +3.0]*",
        "+2.0 [+1.0, +3.0]*",
        "+2.0 [+1.0, +3.0]**",
    ]
    assert starred(replace(found, adjusted=0.06), (0.1, 3.9)) == "+2.0 [+1.0, +3.0]"
    assert starred(None) == "–"
    other = importlib.import_module("evidence_passages").negated(
        replace(found, equivalence_low=1.2, equivalence_high=2.8)
    )
    assert (other.mean, other.low, other.high, other.equivalence_low, other.equivalence_high) == (
        -2,
        -3,
        -1,
        -2.8,
        -1.2,
    )


def test_a_candidate_is_confirmed_over_data_sets_with_classes(monkeypatch):
    """It gains 1 point on average over ``comparative``; its runs are in studies of their own."""
    tables = importlib.import_module("evidence_tables")
    studies = [study for study in tables.TEXTS if study != "stsb"]
    gains = dict(zip(studies, (1.2, 0.8, 1.1, 0.9, 1.0, 1.3, 0.7, 1.0, 1.0), strict=True))
    runs = {study: [made_up(study, name, s, of + s) for name, of in ROWS.items() for s in range(10)] for study in gains}
    for study, gain in gains.items():
        candidates = [made_up(study, tables.CANDIDATE, s, ROWS["comparative"] + gain + s) for s in range(10)]
        runs[f"{study}-candidates"] = candidates
    kept = tables.TEXTS
    tables = with_records(monkeypatch, runs).tables
    monkeypatch.setattr(tables, "TEXTS", {study: name for study, name in kept.items() if study != "stsb"})
    lines = tables.confirmed_candidate().splitlines()
    assert lines[2].startswith("| candidate: OneSided − comparative | 9 | +1.0 [+0.9, +1.1] | <.001 |")
    assert lines[3].startswith("| candidate: OneSided − supervised | 9 | +1.1 [")
    runs["qqp-candidates"].pop()
    assert tables.confirmed_candidate() == tables.NOT_COMPLETE


def test_candidates_are_compared_with_the_comparative_loss_on_validation(monkeypatch):
    """Over two data sets of two seeds: gains of 1, 2, 0 and 1 points."""
    gains = {"benchmarks.candidates:OneSided": (1, 2, 0, 1), "comparative": (0, 0, 0, 0)}
    studies = importlib.import_module("evidence_development").CANDIDATES
    runs = {
        study: [
            replace(made_up(study, name, seed, 0), scores=[Score("validation", "accuracy", 80 + gain)])
            for name, of in gains.items()
            for seed, gain in enumerate(of[2 * place : 2 * place + 2])
        ]
        for place, study in enumerate(studies)
    }
    evidence = with_records(monkeypatch, runs).development
    assert "| OneSided | 81.5 | 80.5 | 81.0 | +1.0 ± 0.4 |" in evidence.candidates()
    runs["develop-candidates-trec"].pop()
    assert evidence.candidates() == evidence.NOT_COMPLETE
