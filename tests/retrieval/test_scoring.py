"""Scores by hand, tests over queries, and what happens to each query."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import ttest_rel

from cmploss.errors import UserError
from cmploss.experiment.statistics import holm, paired_difference
from cmploss.retrieval import (
    MEASURES,
    DenseIndex,
    Texts,
    average_feedback,
    relevant_queries,
    run_of,
    score_run,
    vector_feedback,
)
from cmploss.tasks.prf import Row, TrainedMethod, evaluate_feedback, more_feedback, over_seeds, record_rows
from cmploss.tasks.prf.evaluate_prf import change, share_hurt

QRELS = {"q": {"a": 3, "b": 1, "c": 2, "z": 0}, "none": {"a": 1}}
RUN = {"q": {"x": 5.0, "b": 4.0, "c": 3.0, "a": 2.0}}  # grades in order: –, 1, 2, 3


def test_measures_by_hand():
    scores = score_run(RUN, QRELS)
    gain = 1 / math.log2(3) + 2 / math.log2(4) + 3 / math.log2(5)
    ideal = 3 / math.log2(2) + 2 / math.log2(3) + 1 / math.log2(4)
    assert scores["nDCG@10"].tolist() == pytest.approx([gain / ideal, 0])
    assert scores["RR@10"].tolist() == [1 / 2, 0]
    assert scores["AP"].tolist() == pytest.approx([(1 / 2 + 2 / 3 + 3 / 4) / 3, 0])
    assert scores["R@100"].tolist() == scores["R@1000"].tolist() == [1, 0]


def test_the_level_moves_all_but_the_graded_measure():
    scores = score_run(RUN, QRELS, level=2)
    assert scores["nDCG@10"][0] == score_run(RUN, QRELS)["nDCG@10"][0]
    assert scores["RR@10"][0] == pytest.approx(1 / 3)
    assert scores["AP"][0] == pytest.approx((1 / 3 + 2 / 4) / 2)


def test_recall_is_cut():
    run = {"q": {f"d{place}": 2000.0 - place for place in range(1500)}}
    qrels = {"q": {"d99": 1, "d100": 1, "d999": 1, "d1000": 1}}
    scores = score_run(run, qrels)
    assert (scores["R@100"][0], scores["R@1000"][0]) == (1 / 4, 3 / 4)


def test_queries_without_relevant_documents_are_left_out():
    qrels = {"p": {"a": 1}, "q": {"a": 2}, "r": {}}
    assert list(relevant_queries(qrels, 1)) == ["p", "q"]
    assert list(relevant_queries(qrels, 2)) == ["q"]
    with pytest.raises(UserError, match="--relevance_level 3"):
        relevant_queries(qrels, 3)


def test_a_run_has_no_empty_places():
    index = DenseIndex(np.eye(2, dtype=np.float16), ["a", "b"], "m")
    found = (np.array([[2.0, -np.inf]], dtype=np.float32), np.array([[1, -1]]))
    assert run_of(["q"], index, found) == {"q": {"b": 2.0}}


def test_change_counts_queries_and_tests_them():
    baseline = np.array([0.5, 0.5, 0.2, 0.4])
    found = change(baseline + np.array([0.1, -0.3, 0.0, 0.5]), baseline)
    mean, deviation = 0.3 / 4, np.std([0.1, -0.3, 0.0, 0.5], ddof=1)
    assert (found.difference, found.helped, found.hurt) == (pytest.approx(mean), [2 / 4], [1 / 4])
    t, n = mean / (deviation / 2), 3  # 4 queries: 3 degrees of freedom, whose distribution has a closed form
    tail = 0.5 - (math.atan(t / math.sqrt(n)) + (t / math.sqrt(n)) / (1 + t * t / n)) / math.pi
    assert found.p == pytest.approx(2 * tail)
    half = 3.182446 * deviation / 2  # the 97.5 % quantile of t with 3 degrees of freedom, from a table
    assert (found.low, found.high) == (pytest.approx(mean - half), pytest.approx(mean + half))


def test_the_test_over_queries_is_scipys_and_that_of_the_reports():
    draw = np.random.default_rng(0)
    ours, theirs = draw.random(60), draw.random(60)
    found = change(ours, theirs)
    assert found.p == pytest.approx(ttest_rel(ours, theirs).pvalue)
    reported = paired_difference(ours, theirs)
    assert (found.difference, found.low, found.high, found.p) == (
        reported.mean,
        reported.low,
        reported.high,
        reported.p,
    )


def test_no_change_is_no_evidence_and_equal_changes_leave_nothing_to_test():
    values = np.array([0.5, 0.25])
    assert (change(values, values).p, change(values, values).difference) == (1, 0)
    found = change(values + 0.25, values)
    assert (found.difference, found.low, found.high, found.p) == (0.25, None, None, None)


def test_seeds_are_averaged_for_the_test_and_counted_one_by_one():
    baseline = np.array([0.5, 0.5, 0.5])
    runs = np.array([[0.9, 0.4, 0.5], [0.7, 0.6, 0.2]])
    found = change(runs, baseline)
    averaged = change(np.array([0.8, 0.5, 0.35]), baseline)
    assert (found.difference, found.p) == (pytest.approx(averaged.difference), pytest.approx(averaged.p))
    assert (found.helped, found.hurt) == ([1 / 3, 2 / 3], [1 / 3, 1 / 3])
    assert change(runs, runs).hurt == [0, 0]  # pairs by seed where both have seeds


def test_share_hurt_compares_with_the_next_smaller_size():
    values = {0: np.array([5, 5, 5, 5]), 3: np.array([4, 4, 5, 6]), 1: np.array([5, 6, 4, 4])}
    # 0 -> 1: the last two fall; 1 -> 3: the first two fall.
    assert share_hurt(values) == {1: [0.5], 3: [0.5]}
    seeds = {0: np.array([5, 5]), 1: np.array([[4, 6], [4, 4]])}
    assert share_hurt(seeds) == {1: [0.5, 1.0]}


def row_of(method, passages, *values, seeds=()):
    return Row(method, passages, {name: np.array(values, dtype=float) for name in MEASURES}, seeds)


def test_rows_of_a_record():
    rows = [
        row_of("none", 0, 0.5, 0.5),
        row_of("m", 1, 0.7, 0.4),
        row_of("m", 2, 0.6, 0.4),
        row_of("other", None, 0.5, 0.5),
    ]
    first, one, two, other = record_rows(rows)
    assert (first.change, first.hurt_by_more, first.by_query["AP"], first.seeds) == (None, None, [0.5, 0.5], [])
    assert [each.scores["AP"] for each in (one, two, other)] == [
        [pytest.approx(0.55)],
        [pytest.approx(0.5)],
        [pytest.approx(0.5)],
    ]
    assert [each.hurt_by_more for each in (one, two, other)] == [[0.5], [0.5], None]
    assert (one.change["AP"].helped, one.change["AP"].hurt) == ([0.5], [0.5])
    p = [each.change["AP"].p for each in (one, two, other)]
    assert [each.change["AP"].p_holm for each in (one, two, other)] == holm(p)


def test_runs_of_several_seeds_become_one_row():
    def single(name, passages, *values):
        return row_of(name, passages, *values)

    rows = [
        single("none", 0, 0.5, 0.5),
        *(single("lol-7", size, 0.5 + size / 10, 0.9) for size in (0, 1)),
        single("one", 0, 0.1, 0.1),
        *(single("lol-2", size, 0.4, 0.5) for size in (0, 1)),
    ]
    lol = TrainedMethod("lol", {2: Path("a/lol-2"), 7: Path("b/lol-7")}, {})
    found = over_seeds(rows, [lol, TrainedMethod("one", {0: Path("one")}, {})])
    assert [(row.method, row.passages, row.seeds) for row in found] == [
        ("none", 0, ()),
        ("one", 0, (0,)),
        ("lol", 0, (2, 7)),
        ("lol", 1, (2, 7)),
    ]
    assert found[3].scores["AP"].tolist() == [[0.4, 0.5], [0.6, 0.9]]
    last = record_rows(found)[3]
    assert last.scores["AP"] == [pytest.approx(0.45), pytest.approx(0.75)]
    assert last.by_query["AP"] == [pytest.approx(0.5), pytest.approx(0.7)]
    assert last.hurt_by_more == [0, 0]  # seed by seed against 0 passages of its own


def test_more_feedback_is_compared_with_less_of_the_same_method():
    draw = np.random.default_rng(0)
    none, average, alone, one, three = (draw.random(20) for _ in range(5))
    rows = [
        row_of("none", 0, *none),
        row_of("average", 3, *average),
        row_of("lol", 0, *alone),
        row_of("lol", 1, *one),
        row_of("lol", 3, *three),
        row_of("other", None, *none),
    ]
    found = more_feedback(rows)  # average has one number of passages and nothing of its own without
    assert [(each.method, each.fewer, each.passages) for each in found] == [("lol", 0, 3), ("lol", 1, 3)]
    expected = [change(three, alone), change(three, one)]
    assert [replace(each.change, p_holm=None) for each in found] == expected
    assert [each.change.p_holm for each in found] == holm([each.p for each in expected])


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
            evaluate_feedback(
                *(index, Texts("q", ["q1", "q2"], ["x", "y"]), vectors, {"q1": {"d3": 1}, "q2": {"d4": 1, "d5": 2}}),
                methods={"mine": method},
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
    assert [(row.method, row.passages) for row in rows] == [("none", 0), ("mine", 1), ("mine", 2)]
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
