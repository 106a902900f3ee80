import itertools
import math
import random
from dataclasses import astuple, replace

import pytest
from rich.console import Console
from scipy import stats

from cmploss.errors import UserError
from cmploss.experiment import Benchmark
from cmploss.experiment.grouping import comparisons_of
from cmploss.reports import comparison_table, footnote, in_words, markdown_table, rich_table
from cmploss.reports.table import objectives_of, tables_of
from tests.reports.runs import changed, record_of, records_of, scores_of, t_test

SUPERVISED = [86.0, 80.0, 90.0, 83.0, 89.0]
NO_DROPOUT = [87.0, 82.0, 91.0, 84.0, 89.5]
COMPARATIVE = [91.0, 86.0, 94.0, 88.0, 93.5]


def shown(table, width=100):
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(rich_table(table))
    return [line.rstrip() for line in capture.get().splitlines()]


def test_rows():
    table = comparison_table(records_of({"supervised": SUPERVISED, "comparative": COMPARATIVE}))
    assert table.benchmark == Benchmark("tickets", "accuracy", "test", "validation")
    assert table.baseline == "supervised"
    first, second = table.rows
    assert (first.objective, first.n, first.difference) == ("supervised", 5, None)
    assert first.mean == pytest.approx((86 + 80 + 90 + 83 + 89) / 5)
    assert first.sd == pytest.approx(math.sqrt((0.4**2 + 5.6**2 + 4.4**2 + 2.6**2 + 3.4**2) / 4))
    assert first.seconds == (40 + 41 + 42 + 43 + 44) / 5
    assert first.passes == 2.0
    assert astuple(second.difference)[:5] == t_test(COMPARATIVE, SUPERVISED)
    assert second.scores == dict(enumerate(COMPARATIVE))


def test_a_narrow_terminal_folds_long_names_and_cuts_nothing():
    long = {
        "supervised · pooling=head · per_device_train_batch_size=8": SUPERVISED,
        "comparative · pooling=mean": COMPARATIVE,
    }
    table = comparison_table(records_of(long))
    wide, narrow = shown(table, 200), shown(table, 80)
    assert "Δ baseline [95 % CI]" in wide[0]
    letters = ["".join(sorted("".join(lines).replace(" ", ""))) for lines in (wide, narrow)]
    assert letters[0] == letters[1]


def test_the_order_of_records_is_the_order_of_rows_and_nothing_else():
    runs = records_of({"supervised": SUPERVISED, "no_dropout": NO_DROPOUT, "comparative": COMPARATIVE[:4]})
    expected = {row.objective: row for row in comparison_table(runs).rows}
    for seed in range(20):
        mixed = random.Random(seed).sample(runs, len(runs))
        table = comparison_table(mixed)
        assert [row.objective for row in table.rows] == list(dict.fromkeys(run.name for run in mixed))
        assert {row.objective: row for row in table.rows} == expected
        assert table.baseline == "supervised"


def test_differences_pair_shared_seeds():
    runs = [record_of("supervised", seed, score) for seed, score in [(0, 80.0), (1, 90.0), (2, 85.0), (4, 9.0)]]
    runs += [record_of("comparative", seed, score) for seed, score in [(3, 10.0), (2, 86.0), (1, 93.0), (4, 14.0)]]
    row = comparison_table(runs).rows[1]
    assert row.n == 4
    assert row.mean == (10 + 86 + 93 + 14) / 4
    assert astuple(row.difference)[:5] == t_test([93.0, 86.0, 14.0], [90.0, 85.0, 9.0])


def test_pairs_are_counted_where_they_are_fewer_than_the_runs():
    runs = records_of({"supervised": SUPERVISED, "comparative": COMPARATIVE})
    table = comparison_table([*runs[2:], runs[0]])  # without supervised, seed 1
    # differences of seeds 0, 2, 3 and 4: 5, 4, 5 and 4.5, so 4.625 ± 3.182 · 0.479 / √4
    assert "| +4.6 [+3.9, +5.4] (4 pairs) |" in markdown_table(table)
    assert any("+4.6 [+3.9, +5.4] (4 pairs)" in line for line in shown(table))
    assert "pair" not in markdown_table(comparison_table(runs)).partition("p and ")[0]


def test_no_shared_seed():
    table = comparison_table([record_of("supervised", 0, 80.0), record_of("comparative", 1, 90.0)])
    assert table.rows[1].difference is None
    assert shown(table)[2].split() == ["comparative", "90.0", "(1)", "–", "–", "41"]


def test_order_and_an_objective_without_a_run():
    runs = records_of({"comparative": COMPARATIVE, "scl": NO_DROPOUT, "supervised": SUPERVISED})
    table = comparison_table(runs, order=["supervised", "rdrop", "comparative"])
    assert [row.objective for row in table.rows] == ["supervised", "rdrop", "comparative", "scl"]
    assert table.rows[1].n == 0
    assert shown(table)[2].split() == ["rdrop", "–", "(0)", "–", "–", "–"]


def test_baseline():
    runs = records_of({"scl": NO_DROPOUT, "comparative": COMPARATIVE})
    assert comparison_table(runs).baseline == "scl"
    table = comparison_table(runs, baseline="comparative")
    assert astuple(table.rows[0].difference)[:5] == t_test(NO_DROPOUT, COMPARATIVE)
    assert table.rows[1].difference is None
    with pytest.raises(UserError, match=r"'supervised' has no record; choose one of scl, comparative$"):
        comparison_table(runs, baseline="supervised")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("task", "sst2"),
        ("measure", "f1"),
        ("train_size", 8),
        ("eval_split", "validation"),
        ("selection_split", None),
        ("unit", "query"),
    ],
)
def test_runs_that_cannot_be_compared(field, value):
    one, other = record_of("supervised", 0, 80.0), record_of("comparative", 0, 90.0)
    other = changed(other, **{field: value})
    for runs in itertools.permutations([one, other]):
        with pytest.raises(UserError, match=rf"differ in {field}: .*{value!r}"):
            comparison_table(runs)


def test_runs_scored_on_other_examples():
    one = record_of("supervised", 0, 80.0)
    parts = one.data["splits"] | {"test": {"examples": 500, "sha256": "c"}}
    with pytest.raises(UserError, match="seed 0 differ in examples of test"):
        comparison_table([one, record_of("comparative", 0, 90.0, data=one.data | {"splits": parts})])
    other_seed = record_of("comparative", 1, 90.0, data=one.data | {"splits": parts})
    assert len(comparison_table([one, other_seed]).rows) == 2  # a split of its own for each seed is fine


def test_copies_missing_scores_and_no_records():
    one = record_of("supervised", 0, 80.0)
    with pytest.raises(UserError, match="supervised: two records of seed 0"):
        comparison_table([one, one])
    with pytest.raises(UserError, match="supervised, seed 0: no score 'accuracy' on split 'test'"):
        comparison_table([changed(one, scores=scores_of(validation={"accuracy": 1.0}))])
    with pytest.raises(UserError, match="no records"):
        comparison_table([])


def test_one_slow_run_does_not_move_the_cost():
    runs = [
        record_of("supervised", seed, 80.0, cost={"seconds": cost}) for seed, cost in enumerate((50.0, 900.0, 40.0))
    ]
    assert comparison_table(runs).rows[0].seconds == 50


def test_cost_that_is_unknown_is_absent():
    table = comparison_table([record_of("supervised", seed, 80.0, cost={}) for seed in (0, 1)])
    assert math.isnan(table.rows[0].seconds)
    assert shown(table)[1].split()[-1] == "–"
    costs = [{"seconds": 3.0}, {}, {"seconds": math.nan}]  # a session that was killed has no time
    table = comparison_table([record_of("supervised", seed, 80.0, cost=cost) for seed, cost in enumerate(costs)])
    assert table.rows[0].seconds == 3.0


# Δ = 5, 6, 4, 5, 4.5: mean 4.9, sd √0.55, half width 2.776 · √(0.55 / 5) = 0.9
LINES = [
    ["objective", "accuracy", "Δ supervised [95 % CI]", "p", "s/run"],
    ["supervised", "85.6 ± 4.2 (5)", "–", "–", "42"],
    ["comparative", "90.5 ± 3.5 (5)", "+4.9 [+4.0, +5.8]", "<.001**", "42"],
]


def test_both_renderings():
    table = comparison_table(records_of({"supervised": SUPERVISED, "comparative": COMPARATIVE}))
    header, *rows = [f"| {' | '.join(line)} |".replace("*", r"\*") for line in LINES]
    note = r"p and intervals: paired t test over seeds; \* p \< .05, \*\* p \< .01."
    assert markdown_table(table).splitlines() == [header, "|:--|:--|:--|:--|:--|", *rows, "", note]
    assert [[cell.strip() for cell in line.split("   ") if cell] for line in shown(table)] == LINES


def test_one_seed():
    table = comparison_table(records_of({"supervised": [86.0], "comparative": [84.5]}))
    assert markdown_table(table).splitlines()[2:] == [
        "| supervised | 86.0 (1) | – | – | 40 |",
        "| comparative | 84.5 (1) | −1.5 | – | 40 |",
    ]


def test_p_and_interval_are_adjusted_for_all_rows():
    # t = 2.83 and p = .047 for a row alone; with a second row the unadjusted p has 8 degrees of freedom
    narrow = [score + difference for score, difference in zip(SUPERVISED, [0.0, 1.0, 2.0, 3.0, 4.0], strict=True)]
    loose = [score + difference for score, difference in zip(SUPERVISED, [3.0, -3.0, 1.0, -2.0, 2.0], strict=True)]
    p = 2 * stats.t.sf(2 / math.sqrt(0.5), 4)
    (_, alone) = comparison_table(records_of({"supervised": SUPERVISED, "scl": narrow})).rows
    assert (alone.corrected, alone.difference.p) == (pytest.approx(p), pytest.approx(p))
    table = comparison_table(records_of({"supervised": SUPERVISED, "scl": narrow, "rdrop": loose}))
    baseline, first, second = table.rows
    assert (baseline.corrected, baseline.effect) == (None, None)
    found = table.family.comparisons["scl"]
    assert (first.difference.p, first.corrected) == (found.p, found.adjusted)
    assert first.difference.p < first.corrected < second.corrected
    assert (first.difference.low, first.difference.high) == (found.low, found.high)
    assert first.difference.high - first.difference.low == pytest.approx(second.difference.high - second.difference.low)
    assert shown(comparison_table(records_of({"supervised": SUPERVISED, "scl": narrow})))[2].split()[-2] == ".047*"


def test_the_effect_size_goes_with_the_difference():
    table = comparison_table(records_of({"supervised": SUPERVISED, "comparative": COMPARATIVE[:4]}))
    effect = table.rows[1].effect
    assert effect == pytest.approx(5 / math.sqrt((0 + 1 + 1 + 0) / 3))  # of 5, 6, 4, 5


UNLIKE = (("supervised", 0.2, 1), ("comparative", 0.3, 2), ("no_dropout", 0.2, 3), ("rdrop", 9.0, 4))


def test_the_footnote_names_the_test():
    scores = {"supervised": SUPERVISED, "comparative": COMPARATIVE, "no_dropout": NO_DROPOUT}
    note = "p and simultaneous intervals: Dunnett's test with seeds as blocks; * p < .05, ** p < .01."
    assert footnote(comparison_table(records_of(scores))) == note
    unlike = {name: [80 + sd * (-1) ** (seed // step) for seed in range(8)] for name, sd, step in UNLIKE}
    assert footnote(comparison_table(records_of(unlike))).startswith("p and intervals: paired t tests over seeds, Holm")
    few = comparison_table(records_of({name: row[:2] for name, row in scores.items()}))
    assert footnote(few) == ""
    assert markdown_table(few).endswith("|\n")


def test_names_are_shown_as_they_are():
    table = comparison_table(records_of({"a|b": SUPERVISED, "[red]x[/red]": COMPARATIVE}), baseline="a|b")
    assert r"| a\|b |" in markdown_table(table)
    assert r"| Δ a\|b [95 % CI] |" in markdown_table(table)
    lines = shown(table)
    assert lines[1].startswith("a|b ")
    assert lines[2].startswith("[red]x[/red] ")


def test_baselines_come_first():
    names = ["rdrop", "equal_compute(n_drop=1,n_crop=1)", "supervised+scl", "comparative", "supervised"]
    assert objectives_of(records_of({name: [1.0] for name in names})) == [
        "supervised",
        "equal_compute(n_drop=1,n_crop=1)",
        "comparative",
        "rdrop",
        "supervised+scl",
    ]


def test_rows_of_one_objective_have_the_order_of_their_runs():
    late, early = records_of({"comparative(n_drop=2)": [1.0], "comparative(n_drop=4)": [1.0]})
    assert objectives_of([late, replace(early, created="2020-01-31T12:00:00+00:00")]) == [early.name, late.name]


def test_long_names_are_not_cut_in_a_narrow_terminal():
    table = comparison_table(records_of({"supervised": [1.0, 2.0], "comparative(n_drop=1,n_crop=1)": [1.0, 2.5]}))
    *_, first, second = shown(table, width=76)
    assert "1.8 ± 1.1 (2)" in first
    assert first.split()[0] + second == "comparative(n_drop=1,n_crop=1)"


def test_every_group_has_a_table_by_its_name():
    small = records_of({"comparative": [1.0], "no_dropout": [2.0]}, train_size=20)
    large = records_of({"rdrop": [3.0], "supervised": [4.0]}, train_size=100)
    tables = tables_of(comparisons_of([*large, *small]))
    expected = {
        "20 training examples": comparison_table(small, order=["no_dropout", "comparative"]),
        "100 training examples": comparison_table(large, order=["supervised", "rdrop"]),
    }
    assert repr(tables) == repr(expected)  # nan is not equal to itself
    assert [table.baseline for table in tables.values()] == ["no_dropout", "supervised"]
    (table,) = tables_of(comparisons_of(small), baseline="comparative", order=("comparative", "scl")).values()
    assert (table.baseline, [row.n for row in table.rows]) == ("comparative", [1, 0, 1])
    failed_in_one = tables_of(comparisons_of([*large, *small]), baseline="no_dropout")
    assert [table.baseline for table in failed_in_one.values()] == ["no_dropout", "supervised"]
    with pytest.raises(UserError, match=r"^20 training examples: baseline 'no_drop' has no record"):
        tables_of(comparisons_of([*large, *small]), baseline="no_drop")


def queries_of(name, seed, values, **changes):
    """A run of a query benchmark: the value of each query; its score is their mean."""
    predictions = {"test": {"ids": list(values), "nDCG": list(values.values())}}
    score = sum(values.values()) / len(values)
    return record_of(name, seed, score, measure="nDCG", unit="query", predictions=predictions, **changes)


BEFORE = {"q1": 10.0, "q2": 20.0, "q3": 30.0, "q4": 40.0, "q5": 50.0, "q6": 60.0}
GAINS = [5.0, 6.0, 4.0, 5.0, 4.5, 5.5]  # mean 5, sd √(2.5 / 5)


def test_queries_are_paired_by_name_after_averaging_over_seeds():
    after = {query: value + gain for (query, value), gain in zip(BEFORE.items(), GAINS, strict=True)}
    up, down = ({query: value + shift for query, value in after.items()} for shift in (1, -1))
    runs = [queries_of("supervised", 0, BEFORE), queries_of("lol", 0, dict(reversed(up.items())))]
    runs += [queries_of("lol", 3, down)]  # a seed that the baseline does not have
    table = comparison_table(runs)
    first, row = table.rows
    assert (first.n, row.n, row.scores) == (1, 2, {0: pytest.approx(41), 3: pytest.approx(39)})
    assert row.difference.n == 6
    assert row.difference.mean == pytest.approx(5)
    assert row.difference.p == pytest.approx(stats.ttest_1samp(GAINS, 0).pvalue)
    assert row.effect == pytest.approx(5 / math.sqrt(2.5 / 5))
    assert footnote(table).startswith("p and intervals: paired t test over queries; ")
    assert "pair" not in markdown_table(table).partition("p and ")[0]
    assert in_words(table).startswith("Better than supervised: lol by 5.0 points (p < .001). Highest mean: lol (40.0).")
    assert " The smallest detectable difference with 6 queries is " in in_words(table)


def test_too_few_queries_allow_no_test():
    few = {"q1": 1.0, "q2": 5.0}
    table = comparison_table([queries_of("supervised", 0, few), queries_of("lol", 0, {"q1": 3.0, "q2": 6.0})])
    assert in_words(table) == (
        "Too few shared queries or no variation, so no test against supervised: lol. Highest mean: lol (4.5)."
    )


def test_a_query_benchmark_needs_the_value_of_every_query():
    runs = [queries_of("supervised", 0, BEFORE), changed(queries_of("lol", 0, BEFORE), predictions={})]
    with pytest.raises(UserError, match="lol, seed 0: no nDCG of each query"):
        comparison_table(runs)
