"""An evaluation of an earlier version gives ordinary records with the same numbers."""

import json
from statistics import fmean

import pytest

from cmploss.errors import UserError
from cmploss.experiment import read_records

NONE = [0.5, 0.25, 0.75, 0.5]
LOL = {0: [[0.75, 0.25, 0.75, 1.0], [0.5, 0.25, 1.0, 0.75]], 1: [[0.25, 0.5, 1.0, 1.0], [0.5, 0.5, 1.0, 0.75]]}


def row_of(method, passages, seeds, runs, hurt_by_more=None):
    shares = [
        [sum(better(value, base) for value, base in zip(run, NONE, strict=True)) / 4 for run in runs]
        for better in (float.__gt__, float.__lt__)
    ]
    change = {"difference": 0.0, "low": None, "high": None, "p": None, "p_holm": None}
    return {
        "method": method,
        "passages": passages,
        "seeds": seeds,
        "scores": {"nDCG@10": [sum(run) / 4 for run in runs]},
        "change": None if method == "none" else {"nDCG@10": {**change, "helped": shares[0], "hurt": shares[1]}},
        "hurt_by_more": hurt_by_more,
        "by_query": {"nDCG@10": [sum(of) / len(runs) for of in zip(*runs, strict=True)]},
    }


@pytest.fixture
def evaluation(tmp_path):
    document = {
        "settings": {"queries": "0123456789ab", "depth": 10},
        "data": {"documents": 9, "queries": ["a", "b", "c", "d"], "texts": ["w", "x", "y", "z"], "judgements": 5},
        "reformulators": {"lol": {"runs": ["lol-0", "lol-7"], "seeds": [0, 7], "settings": {"steps": 6}}},
        "primary": "nDCG@10",
        "rows": [
            row_of("none", 0, [], [NONE]),
            row_of("lol", 0, [0, 7], LOL[0]),
            row_of("lol", 1, [0, 7], LOL[1], [0.25, 0.0]),
            row_of("bm25", None, [], [[0.0, 0.5, 0.5, 1.0]]),
        ],
        "more": [],
        "environment": {},
        "command": "cmploss retrieve evaluate",
        "created": "2026-01-31T12:00:00+00:00",
        "schema": 1,
    }
    (tmp_path / "retrieval.json").write_text(json.dumps(document))
    return tmp_path / "retrieval.json"


def test_every_method_seed_and_number_of_passages_is_a_record(evaluation):
    found = {(each.condition.others["passages"], each.name, each.seed) for each in read_records(evaluation.parent)}
    lol = {(size, "lol", seed) for size in (0, 1) for seed in (0, 7)}
    assert found == lol | {(size, name, 0) for size in (0, 1) for name in ("none", "bm25")}


def test_the_numbers_are_those_of_the_file(evaluation):
    records = {
        (each.name, each.condition.others["passages"], each.seed): each for each in read_records(evaluation.parent)
    }
    seed = records["lol", 1, 7]
    assert (seed.benchmark.unit, seed.primary) == ("query", 100 * (0.5 + 0.5 + 1.0 + 0.75) / 4)
    assert seed.score("test", "queries helped") == 100 * 3 / 4  # b, c and d
    assert records["lol", 1, 0].score("test", "queries hurt") == 100 * 1 / 4  # a
    assert records["lol", 1, 0].score("test", "hurt by the last passage") == 25
    means = [(first + second) / 2 for first, second in zip(*LOL[1], strict=True)]
    ours = [records["lol", 1, number].predictions["test"]["nDCG@10"] for number in (0, 7)]
    assert ours == [[100 * mean for mean in means]] * 2
    theirs = records["none", 1, 0].predictions["test"]
    assert theirs == {"ids": ["a", "b", "c", "d"], "nDCG@10": [100 * value for value in NONE]}
    difference = fmean(ours[0]) - fmean(theirs["nDCG@10"])
    assert difference == pytest.approx(100 * (sum(means) - sum(NONE)) / 4)


@pytest.mark.parametrize("content", ["{", "[]", '{"schema": 2}', '{"schema": 1}'])
def test_other_files_are_refused(content, evaluation):
    evaluation.write_text(content)
    with pytest.raises(UserError, match=r"retrieval.json: not a readable evaluation"):
        read_records(evaluation.parent)
