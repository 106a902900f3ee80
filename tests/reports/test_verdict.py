import math
from dataclasses import replace

import pytest

from cmploss.reports import Verdict, comparison_table, in_words, markdown_table
from cmploss.reports.over_all import over_all
from cmploss.reports.verdict import expected_power
from tests.reports.claims import claims_of, contradictions
from tests.reports.random_tables import random_table
from tests.reports.runs import changed, record_of, records_of, scores_of

SUPERVISED = [86.0, 80.0, 90.0, 83.0, 89.0]
CLEAR = [5.0, 6.0, 4.0, 5.0, 4.5]  # mean 4.9
UNCLEAR = [2.0, -2.0, 1.0, -1.0, 1.5]  # mean 0.3, standard error 0.77
SMALL = [0.4, 0.8, 0.6, 0.5, 0.7]  # mean 0.6


def plus(differences, base=SUPERVISED):
    return [score + difference for score, difference in zip(base, differences, strict=False)]


def minus(differences):
    return [-difference for difference in differences]


def table_of(differences, seeds=5, **options):
    rivals = {name: plus(gaps)[:seeds] for name, gaps in differences.items()}
    return comparison_table(records_of({"supervised": SUPERVISED[:seeds]} | rivals), **options)


@pytest.mark.parametrize("start", range(0, 300, 50))
def test_sentences_say_what_the_table_shows(start):
    faults = {seed: found for seed in range(start, start + 50) if (found := contradictions(random_table(seed)))}
    assert faults == {}


def test_the_random_tables_have_every_finding():
    found = {finding for seed in range(100) for finding in Verdict(random_table(seed)).findings.values()}
    assert found == {"better", "worse", "equivalent", "not shown", "too few", "no score"}


@pytest.mark.parametrize(
    ("differences", "finding", "headline", "sentence"),
    [
        (CLEAR, "better", "rdrop is better than supervised", "Better than supervised: rdrop by 4.9 points (p < .001)."),
        (
            minus(CLEAR),
            "worse",
            "No objective is better than supervised",
            "Worse than supervised: rdrop by 4.9 points (p < .001).",
        ),
        (
            SMALL,
            "better",
            "rdrop is better than supervised",
            "Better than supervised: rdrop by 0.6 points (p = .009, less than 1 point).",
        ),
        (
            [0.5, -0.5, 0.2, -0.2, 0.1],
            "equivalent",
            "The same within 1 point",
            "Equivalent to supervised within 1 point: rdrop.",
        ),
        (UNCLEAR, "not shown", "No significant difference", "No significant difference from supervised: rdrop."),
    ],
)
def test_one_row(differences, finding, headline, sentence):
    # SMALL: σ is taken to be 0.2, one of 500 examples; t = 0.6 / (0.2 · √(2 / 5)) = 4.7 with 4 degrees of freedom
    verdict = Verdict(table_of({"rdrop": differences}))
    assert (verdict.finding, verdict.headline, verdict.sentences[0]) == (finding, headline, sentence)


def test_the_margin_decides_what_is_the_same():
    table = table_of({"rdrop": UNCLEAR}, margin=3.0)  # 0.3 ± 2.132 · 0.768 = [−1.3, +1.9]
    verdict = Verdict(table)
    assert (verdict.finding, verdict.headline) == ("equivalent", "The same within 3 points")
    assert verdict.chip == "Same within 3 points"
    assert Verdict(table_of({"rdrop": UNCLEAR}, margin=1.5)).finding == "not shown"


def test_rows_are_said_by_finding_and_in_the_order_of_their_differences():
    found = in_words(table_of({"scl": minus(CLEAR), "rdrop": CLEAR, "lol": plus(CLEAR, [1.0] * 5)}))
    assert found.startswith(
        "Better than supervised: lol by 5.9 points (p < .001), rdrop by 4.9 points (p < .001). "
        "Worse than supervised: scl by 4.9 points (p < .001). Highest mean: lol (91.5). The smallest detectable "
    )
    assert Verdict(table_of({"rdrop": CLEAR, "lol": CLEAR})).headline == "2 objectives are better than supervised"


def test_ties_are_said_to_be_ties():
    assert "Highest mean: a tie of supervised and rdrop at 85.6." in in_words(table_of({"rdrop": [0.0] * 5}))
    assert claims_of(Verdict(table_of({"rdrop": [0.0] * 5, "scl": minus(CLEAR)})).sentences)["highest"] == [
        "supervised",
        "rdrop",
    ]


def test_what_else_may_explain_a_gain():
    passes = table_of({"equal_compute": plus([0.1] * 5, CLEAR), "comparative": CLEAR})
    assert Verdict(passes).causes == ["more passes (equal_compute)"]
    both = table_of({"no_dropout": plus([0.1] * 5, CLEAR), "equal_compute": CLEAR, "comparative": CLEAR})
    sentence = (
        "The gain may come from training without dropout (no_dropout) or more passes (equal_compute): that baseline's "
        "mean is as high."
    )
    assert sentence in Verdict(both).sentences
    lower = table_of({"no_dropout": UNCLEAR, "comparative": CLEAR})
    none_gains = table_of({"no_dropout": CLEAR, "comparative": UNCLEAR})
    assert Verdict(lower).causes == Verdict(none_gains).causes == []


def test_settings_make_no_other_kind_of_objective():
    equal = "equal_compute(n_drop=1,n_crop=1)"
    assert Verdict(table_of({equal: CLEAR, "comparative": CLEAR})).causes == [f"more passes ({equal})"]


@pytest.mark.parametrize("seeds", [1, 2])
def test_too_few_seeds_make_no_claim(seeds):
    verdict = Verdict(table_of({"rdrop": CLEAR}, seeds))
    assert verdict.headline == "Too few seeds for a test"
    assert claims_of(verdict.sentences) == {"too few": ["rdrop"], "highest": ["rdrop"]}
    assert math.isnan(verdict.table.family.detectable)


def test_three_seeds_are_enough():
    # differences 5, 6, 4: t = 5 / (1 / √3) = 8.66 with 2 degrees of freedom, p = .013
    assert "Better than supervised: rdrop by 5.0 points (p = .01)." in in_words(table_of({"rdrop": CLEAR}, seeds=3))


def test_the_same_difference_for_every_seed():
    # An example of the test split is worth 100 / 500 points, and σ is taken to be at least that:
    # t = 1 / (0.2 · √(2 / 5)) = 7.9 with 4 degrees of freedom.
    row = table_of({"rdrop": [1.0] * 5}).rows[1]
    assert row.corrected == pytest.approx(0.0014, abs=1e-4)
    runs = records_of({"supervised": SUPERVISED, "rdrop": plus([1.0] * 5)}, measure="f1")  # no such resolution
    assert claims_of(Verdict(comparison_table(runs)).sentences)["too few"] == ["rdrop"]


def test_missing_runs():
    table = comparison_table([record_of("supervised", 0, 80.0), record_of("rdrop", 1, 90.0)])
    assert "No seeds shared with supervised: rdrop." in in_words(table)
    no_run = comparison_table(records_of({"supervised": SUPERVISED}), order=("supervised", "rdrop"))
    assert Verdict(no_run).findings == {"rdrop": "no score"}


def test_a_missing_score_leaves_the_others():
    scores = {"supervised": SUPERVISED, "scl": [math.nan, *plus(CLEAR)[1:]], "rdrop": plus(CLEAR)}
    table = comparison_table(records_of(scores))
    assert claims_of(Verdict(table).sentences)["better"] == ["rdrop", "scl"]
    assert claims_of(Verdict(table).sentences)["highest"] == ["rdrop"]
    undefined = "Without a mean, because a score is undefined: scl (1 of 5 seeds)."
    assert undefined in Verdict(table).sentences
    assert undefined in Verdict(table).caveats
    every = {name: [math.nan, *scores[1:]] for name, scores in scores.items()}
    assert sorted(claims_of(Verdict(comparison_table(records_of(every))).sentences)["better"]) == ["rdrop", "scl"]
    alone = comparison_table([record_of("supervised", 0, math.nan)])
    assert Verdict(alone).sentences == [
        "No objective has a score, so there is nothing to compare.",
        "Without a mean, because a score is undefined: supervised (1 of 1 seeds).",
    ]


def test_only_one_objective():
    assert in_words(table_of({})) == (
        "supervised has accuracy 85.6 ± 4.2 (5); there is no other objective to compare it with."
    )


def test_how_sure_it_is():
    # 2.38 σ for a pair of rows and 5 seeds, and σ of a score is 1 / √2 of the sd of the differences, √2.95 here
    table = table_of({"rdrop": UNCLEAR})
    detectable = table.family.detectable
    assert detectable == pytest.approx(2.38 * math.sqrt(2.95 / 2), abs=0.01)
    assert f"The smallest detectable difference with 5 seeds is {detectable:.1f} points (80 % power)" in in_words(table)
    assert "1 point takes about " in in_words(table)


def test_what_more_seeds_would_show():
    table = table_of({"rdrop": UNCLEAR})
    # 20 seeds: (2.09 + 0.86) σ √(2 / 20) by the critical and the 80 % value of t with 19 degrees of freedom
    words = expected_power(table, 20)
    assert words.startswith(
        "By the finished runs, the smallest detectable difference with 20 seeds is 1.1 points (80 %"
    )
    assert expected_power(table, 2) == expected_power(table_of({"rdrop": UNCLEAR}, seeds=1), 20) == ""


def test_a_row_that_scatters_more_changes_the_test():
    wild = [-9.0, 9.0, -6.0, 8.0, -7.0]
    verdict = Verdict(table_of({"rdrop": CLEAR, "scl": wild}))
    assert verdict.table.family.method == "Holm"
    assert any("Holm" in sentence for sentence in verdict.sentences)


def test_optimism_is_said():
    runs = records_of({"supervised": SUPERVISED, "rdrop": plus(CLEAR)})
    chosen = [changed(run, selection_split="test") for run in runs]
    assert in_words(comparison_table(chosen)).endswith(
        "Optimistic, because chosen on the reported test split: the best run."
    )
    training = {"training": {"load_best_model_at_end": True}}
    chosen = [changed(run, eval_split="validation", settings=run.settings | training) for run in runs]
    chosen = [changed(run, scores=scores_of(validation=run.measures("test"))) for run in chosen]
    assert in_words(comparison_table(chosen)).endswith(
        "Optimistic, because chosen on the reported validation split: the checkpoint of each run and the best run."
    )
    assert Verdict(comparison_table(runs)).optimistic == []


def test_over_all_conditions():
    clear, unclear = table_of({"rdrop": CLEAR, "scl": minus(CLEAR)}), table_of({"rdrop": UNCLEAR, "scl": minus(CLEAR)})
    assert over_all({"A": clear, "B": unclear, "C": table_of({"rdrop": CLEAR}, seeds=2)}) == (
        "An objective is better than supervised in 1 of 3 conditions: rdrop (A). Worse: scl (A); scl (B). "
        "Conditions without a test, which needs 3 seeds: 1. Corrected over the 2 conditions with a test."
    )
    other = comparison_table(records_of({"supervised": SUPERVISED, "scl": plus(UNCLEAR)}), baseline="scl")
    assert "is better than its baseline (supervised or scl) in" in over_all({"A": unclear, "B": other})
    few = table_of({"rdrop": CLEAR}, seeds=2)
    assert over_all({"A": few, "B": few}) == "None of 2 conditions has a test, which needs 3 seeds."


def test_p_of_a_condition_is_multiplied_by_the_number_of_conditions():
    # mean 2, sd √(10 / 4): t = 2.83 and p = .047, which is .09 for two conditions
    narrow = table_of({"rdrop": [0.0, 1.0, 2.0, 3.0, 4.0]})
    assert "in 1 of 1 conditions" in over_all({"A": narrow})
    assert "in none of 2 conditions" in over_all({"A": narrow, "B": narrow})


def test_rows_that_have_not_converged_are_marked_and_named():
    falling = [{"loss": 2.0 - 0.1 * step, "step": step} for step in range(10)]
    runs = records_of({"supervised": SUPERVISED}, history=falling) + records_of({"rdrop": plus(CLEAR)})
    table = comparison_table(runs)
    assert "Not converged: supervised (still learning)." in in_words(table)
    assert "| supervised † |" in markdown_table(table)
    assert "| rdrop |" in markdown_table(table)
    assert "† not converged: supervised (still learning)." in markdown_table(table)
    assert "Not converged" not in in_words(table_of({"rdrop": CLEAR}))


@pytest.mark.parametrize(("ends", "said"), [((-0.2, 6.2), True), ((0.2, 5.8), False), (None, False)])
def test_a_claim_that_other_examples_leave_open_is_said(ends, said):
    table = comparison_table(records_of({"supervised": [70.0, 71.0, 72.0, 71.5], "rdrop": [73.0, 74.2, 75.0, 74.4]}))
    rows = tuple(replace(row, crossed=ends if row.objective == "rdrop" else None) for row in table.rows)
    verdict = Verdict(replace(table, rows=rows))
    assert verdict.finding == "better"
    text = "The test split is small: over other examples too, the interval of rdrop [−0.2, +6.2] includes 0."
    assert (text in verdict.sentences, text in verdict.caveats) == (said, said)


def test_seeds_that_were_added_after_a_look_are_said():
    runs = records_of({"supervised": SUPERVISED, "rdrop": plus(CLEAR)})
    said = "Seeds were added after 2 looks at this table: p values are optimistic."
    assert said in Verdict(comparison_table(runs, looks=2)).caveats
    assert "look" not in in_words(comparison_table(runs))
    untested = comparison_table([run for run in runs if run.seed < 2], looks=1)
    assert "look" not in in_words(untested)  # no p value
