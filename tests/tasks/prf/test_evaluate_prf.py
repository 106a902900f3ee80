"""Feedback methods × numbers of passages: runs on disk, and a record for each of them."""

import numpy as np
import pytest

from cmploss.experiment import Benchmark, Condition, RunRecord
from cmploss.retrieval import MEASURES, DenseIndex, Texts, average_feedback, run_of as run_of_found, vector_feedback
from cmploss.tasks.prf.evaluate_prf import Method, ScoredRun, evaluate_methods, first_pass, records_of


def run_of(method, passages, *values, seed=0):
    record = RunRecord(Benchmark("t", "nDCG@10", "test"), Condition(), {"kind": "lol", "settings": {}}, seed)
    found = Method(method, record=record if seed else None)
    return ScoredRun(found, passages, {name: np.array(values, dtype=float) for name in MEASURES})


def records(runs, sizes=(0, 1, 3)):
    found = records_of(runs, ["a", "b", "c", "d"], task="t", sizes=sizes, settings={"depth": 5}, data={})
    return {(each.name, each.condition.others["passages"], each.seed): each for each in found}


def test_every_run_is_a_record_and_what_reads_no_passages_is_in_every_condition():
    runs = [run_of("none", None, 5, 5, 5, 5), run_of("average", 3, 1, 2, 3, 4), run_of("bm25", None, 0, 0, 0, 0)]
    found = records(runs)
    everywhere = {(name, size, 0) for name in ("none", "bm25") for size in (0, 1, 3)}
    assert set(found) == everywhere | {("average", 3, 0)}
    average = found["average", 3, 0]
    assert (average.benchmark.unit, average.benchmark.measure) == ("query", "nDCG@10")
    assert average.primary == 100 * (1 + 2 + 3 + 4) / 4
    assert average.predictions["test"]["ids"] == ["a", "b", "c", "d"]
    assert average.predictions["test"]["AP"] == [100, 200, 300, 400]
    assert average.settings == {"depth": 5, "passages": 3}


def test_shares_of_queries_are_counted_for_each_seed():
    runs = [
        run_of("none", None, 5, 5, 5, 5),
        run_of("lol", 0, 6, 5, 4, 5, seed=2),
        run_of("lol", 3, 5, 5, 5, 6, seed=2),
        run_of("lol", 1, 5, 6, 4, 4, seed=2),
        run_of("lol", 3, 4, 4, 4, 5, seed=0),
        run_of("average", 1, 4, 6, 6, 6),
    ]
    found = records(runs)

    def shares(*key):
        names = ("queries helped", "queries hurt", "hurt by the last passage")
        return [found[key].score("test", name) for name in names]

    # 0 -> 1 passage: the first and the last query fall; 1 -> 3: the second; nothing comes before 0.
    assert shares("lol", 1, 2) == [25, 50, 50]
    assert shares("lol", 3, 2) == [25, 0, 25]
    assert shares("lol", 0, 2)[:2] == [25, 25]
    assert "hurt by the last passage" not in found["lol", 0, 2].measures("test")
    assert shares("lol", 3, 0) == [0, 75, 75]  # this seed has no other number of passages: against no feedback
    assert shares("average", 1, 0) == [75, 25, 25]
    assert set(found["none", 0, 0].measures("test")) == set(MEASURES)


@pytest.fixture
def evaluated(tmp_path):
    """Evaluates two random queries over random vectors in ``tmp_path``; how many searches it took."""
    draw = np.random.default_rng(0)
    index = DenseIndex(draw.standard_normal((30, 4)).astype(np.float16), [f"d{row}" for row in range(30)], "m")
    vectors = draw.standard_normal((2, 4)).astype(np.float32)
    calls = []

    def method(texts, queries, first, k):
        calls.append((list(texts), first[1].shape, k))
        return vector_feedback(average_feedback, index)(texts, queries, first, k)

    def run():
        calls.clear()
        rows = list(
            evaluate_methods(
                *(index, Texts("q", ["q1", "q2"], ["x", "y"]), vectors, {"q1": {"d3": 1}, "q2": {"d4": 1, "d5": 2}}),
                methods=[Method("mine", method)],
                sizes=[0, 2, 1],
                level=1,
                depth=10,
                folder=tmp_path,
            )
        )
        return rows, list(calls)

    return run


def test_every_method_and_size_is_searched_and_written(evaluated, tmp_path):
    rows, calls = evaluated()
    assert [(row.method.name, row.passages) for row in rows] == [("none", None), ("mine", 1), ("mine", 2)]
    assert calls == [(["x", "y"], (2, 10), 1), (["x", "y"], (2, 10), 2)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine-1.run", "mine-2.run", "none-0.run"]
    assert [len(path.read_text().splitlines()) for path in tmp_path.iterdir()] == [20, 20, 20]
    texts = [(tmp_path / f"{name}.run").read_text() for name in ("none-0", "mine-1", "mine-2")]
    assert len({tuple(line.split()[4] for line in text.splitlines()) for text in texts}) == 3


def test_runs_that_are_there_are_read(evaluated, tmp_path):
    rows, _ = evaluated()
    (tmp_path / "mine-2.run").unlink()
    again, calls = evaluated()
    assert [k for _, _, k in calls] == [2]
    assert [row.scores["AP"].tolist() for row in again] == [row.scores["AP"].tolist() for row in rows]


def test_scores_of_a_first_run_keep_their_digits():
    """Tools break ties by differences that float32 does not have."""
    index = DenseIndex(np.eye(3, dtype=np.float16), ["a", "b", "c"], "m")
    run = {"q": {"b": 20.000002, "c": 20.000001, "a": 20.0}}
    found = first_pass(index, run, ["q"], 1, "first.run")
    assert run_of_found(["q"], index, found) == run
