"""What tables of several data sets show together: the sentence, the differences, the ranks, what is left out."""

import math

import numpy as np
import pytest
from scipy import stats

from cmploss.experiment.grouping import comparisons_of
from cmploss.reports import comparison_table
from cmploss.reports.all_formats import over_data_sets, report_text
from cmploss.reports.html import StudyRuns
from cmploss.reports.several_data import several_data, several_markdown
from cmploss.reports.table import tables_of
from tests.reports.claims import several_contradictions
from tests.reports.runs import records_of, t_test

NAMES = ("supervised", "no_dropout", "comparative", "scl", "rdrop")
GAINS = {"comparative": [4.0, 5.0, 3.5, 4.5], "scl": [0.2, -0.4, 0.3, -0.2]}  # a number for each data set
LEVELS = (90.0, 60.0, 75.0, 82.0)


def table_of(task, scores, **changes):
    """A table with the means of scores, over three seeds."""
    rows = {name: [mean - 0.5, mean, mean + 0.5] for name, mean in scores.items()}
    return comparison_table(records_of(rows, task=task, **changes))


def tables(gains=GAINS, levels=LEVELS):
    return [
        table_of(f"data {place}", {"supervised": level} | {name: level + of[place] for name, of in gains.items()})
        for place, level in enumerate(levels)
    ]


def random_tables(seed):
    """Tables of several data sets: ties, missing objectives, several tables of one data set, two measures."""
    draw = np.random.default_rng(seed)
    rows = int(draw.integers(2, len(NAMES) + 1))
    effects, step = draw.choice([0.0, 1.0, 4.0]) * draw.standard_normal(rows), float(draw.choice([0.1, 2.0]))
    found = []
    for place in range(int(draw.integers(1, 9))):
        measure = "accuracy" if draw.random() < 0.9 else "f1"
        for size in range(1, 1 + int(draw.integers(1, 3))):
            means = 75 + draw.normal(0, 8) + effects + draw.normal(0, 0.7, rows)
            kept = [name for name in NAMES[:rows] if name == "supervised" or draw.random() > 0.08]
            scores = {name: float(np.round(means[NAMES.index(name)] / step) * step) for name in kept}
            found.append(table_of(f"data {place}", scores, train_size=size, measure=measure))
    return found


@pytest.mark.parametrize("start", range(0, 200, 50))
def test_the_sentence_says_what_the_tables_show(start):
    found = {seed: several_data(random_tables(seed)) for seed in range(start, start + 50)}
    faults = {seed: faults for seed, each in found.items() if each and (faults := several_contradictions(each))}
    assert faults == {}


def test_the_random_tables_show_everything():
    texts = " ".join(found.sentence for seed in range(200) if (found := several_data(random_tables(seed))))
    for claim in ("better than", "worse than", "no significant", "within 1 point", "too few", "do not differ"):
        assert claim in texts
    for claim in ("ranks are not tested", "is above", "but no two by"):
        assert claim in texts


def test_differences_are_paired_t_tests_over_data_sets_with_holms_correction():
    found = several_data(tables())
    supervised, comparative, scl = found.table.rows
    means = {row.objective: list(row.paired.values()) for row in found.table.rows}
    assert means["supervised"] == list(LEVELS)
    p = {name: stats.ttest_rel(means[name], means["supervised"]).pvalue for name in ("comparative", "scl")}
    assert comparative.difference.p == pytest.approx(p["comparative"])
    assert comparative.corrected == pytest.approx(2 * p["comparative"])  # the smaller one of two
    assert scl.corrected == pytest.approx(p["scl"])
    gap = several_data(tables({"scl": GAINS["scl"]})).table.rows[1].difference
    assert (gap.mean, gap.low, gap.high, gap.p, gap.n) == t_test(means["scl"], means["supervised"])
    assert (supervised.mean, supervised.n, comparative.mean) == (np.mean(LEVELS), 4, pytest.approx(81.0))
    assert math.isnan(supervised.sd)


def test_the_sentence():
    found = several_data(tables())
    assert found.sentence == (
        "Over 4 data sets: better than supervised: comparative by 4.2 points (p = .002); equivalent to supervised "
        "within 1 point: scl; mean ranks do not differ significantly (Friedman p = .07)."
    )
    assert several_data(tables({"scl": GAINS["scl"]})).sentence == (
        "Over 4 data sets: equivalent to supervised within 1 point: scl; ranks are not tested, which takes 3 data sets "
        "and objectives."
    )


def test_tables_of_one_data_set_are_averaged_before_anything_is_counted():
    once = several_data(tables())
    again = [table for table in tables() for _ in range(3)]
    found = several_data(again)
    assert found.sentence == once.sentence
    assert [row.difference for row in found.table.rows] == [row.difference for row in once.table.rows]
    assert "Means of several comparisons: data 0 (3), data 1 (3), data 2 (3) and data 3 (3)." in found.notes
    two = several_data([*tables(), table_of("data 0", {"supervised": 10.0, "comparative": 16.0, "scl": 10.2})])
    assert two.table.rows[1].paired["data 0"] == pytest.approx((90 + 10) / 2 + (4.0 + 6.0) / 2)


def test_a_data_set_without_an_objective_is_not_ranked():
    first, *others = tables()
    found = several_data([table_of("data 0", {"supervised": 90.0, "comparative": 94.0}), *others])
    assert found.ranks.blocks == 3
    assert found.notes == ("Not ranked, because an objective has no score: data 0.",)
    assert [row.n for row in found.table.rows] == [4, 4, 3]
    assert "over 3 data sets (Friedman p" in found.sentence
    rows = found.table.rows
    assert rows[2].mean == pytest.approx(rows[0].mean + rows[2].difference.mean)  # not the mean of easier data sets
    assert several_data([first, *others]).notes == ()


def test_an_objective_of_few_data_sets_is_left_out():
    *others, last = tables()
    scores = {row.objective: row.mean for row in last.rows}
    found = several_data([*others, table_of("data 3", scores | {"rdrop": 99.0})])
    assert [row.objective for row in found.table.rows] == ["supervised", "comparative", "scl"]
    assert found.notes == ("Left out, because at most half of the data sets have them: rdrop.",)
    assert found.ranks.blocks == 4


def test_only_points_of_one_measure_are_averaged():
    other = table_of("essays", {"supervised": 40.0, "comparative": 41.0, "scl": 39.0}, measure="pearson")
    found = several_data([*tables(), other])
    assert found.data_sets == ["data 0", "data 1", "data 2", "data 3"]
    assert found.ranks.blocks == 5
    assert found.notes == ("Not in the mean differences, which are in points of accuracy: essays.",)
    assert found.sentence.startswith("Over 4 data sets: ")
    assert "over 5 data sets (Friedman p" in found.sentence


def test_other_baselines_are_left_out():
    other = comparison_table(
        records_of({"no_dropout": [1.0] * 3, "scl": [2.0] * 3}, task="data 4"), baseline="no_dropout"
    )
    found = several_data([*tables(), other])
    assert found.notes == ("Comparisons left out, because of another baseline than supervised or another measure: 1.",)
    assert found.ranks.blocks == 4


def test_nothing_to_say():
    assert several_data([]) is None
    assert several_data(tables()[:1]) is None
    assert several_data([table_of("a", {"supervised": 1.0}), table_of("b", {"supervised": 1.0})]) is None


def test_two_data_sets_have_ranks_and_no_test():
    found = several_data(tables()[:2])
    assert found.sentence == (
        "Over 2 data sets: too few shared data sets or no variation, so no test against supervised: comparative and "
        "scl; ranks are not tested, which takes 3 data sets and objectives."
    )
    assert found.sentences[1] == "Mean ranks, 1 is the highest score: comparative 1.00, supervised 2.50, scl 2.50."


def test_every_format_begins_with_it():
    runs = [
        run
        for place, level in enumerate(LEVELS)
        for run in records_of({"supervised": [level] * 3, "comparative": [level + place] * 3}, task=f"data_{place}")
    ]
    assert len(comparisons_of(runs)) == 4
    studies = [StudyRuns("one", runs)]
    found = over_data_sets(studies)
    assert found.sentence == several_data(tables_of(comparisons_of(runs)).values()).sentence
    markdown, latex, page = (report_text(studies, form) for form in ("md", "latex", "html"))
    assert markdown.startswith(several_markdown(found))
    assert markdown.startswith("# Over 4 data sets\n\nOver 4 data sets: ")
    assert "| comparative | 78.2 (4) | +1.5 [−0.6, +3.6] | .10 |" in markdown  # 0, 1, 2, 3: ± 3.18 · 1.29 / 2
    assert latex.startswith("% Over 4 data sets\n% 4 data sets: accuracy in percent")
    assert "\nOver 4 data sets: no significant difference from supervised" in latex
    assert found.sentence in page
    assert "Is another objective better than supervised over 4 data sets?" in page
    assert "data set" not in report_text([StudyRuns("one", runs[:6])], "md")
    assert "Friedman" not in found.methods  # two objectives have no such test
    assert "random effects over data sets" in found.methods
