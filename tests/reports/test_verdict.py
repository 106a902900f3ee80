import math

import pytest

from cmploss.reports import comparison_table, in_words
from cmploss.reports.verdict import over_all
from tests.reports.runs import changed, record_of, records_of, scores_of

# Each objective is supervised plus the differences beside it, so that what the sentence says is arithmetic
# on five numbers: mean, and half width 2.776 · sd / √5.
SUPERVISED = [86.0, 80.0, 90.0, 83.0, 89.0]
CLEAR = [5.0, 6.0, 4.0, 5.0, 4.5]  # mean 4.9 ± 0.9
UNCLEAR = [2.0, -2.0, 1.0, -1.0, 1.5]  # mean 0.3 ± 2.1, t = 0.3 / 0.768


def plus(differences, base=SUPERVISED):
    return [score + difference for score, difference in zip(base, differences, strict=False)]


def words(scores):
    return in_words(comparison_table(records_of({"supervised": SUPERVISED} | scores)))


def test_better_than_every_baseline():
    # against no_dropout 4, 3.5, 3, 3.5, 4: mean 3.6 and sd √(0.7 / 4), so t = 3.6 / 0.187 = 19.2
    found = words(
        {
            "no_dropout": plus([1.0, 2.5, 1.0, 1.5, 0.5]),
            "equal_compute": plus([0.5, 1.0, 0.0, 1.0, 0.5]),
            "comparative": plus(CLEAR),
        }
    )
    assert found == (
        "comparative is better than supervised by 4.9 points (p < .001) and than no_dropout by 3.6 points (p < .001)."
    )


def test_a_weaker_baseline_that_is_not_beaten_is_named_too():
    # equal_compute has the lower mean of the two but scatters: differences 9, −1, 9, −1, 9.5,
    # mean 5.1, sd √(124.2 / 4) = 5.57, half width 6.9, t = 2.05
    found = words(
        {
            "no_dropout": plus([1.0, 2.5, 1.0, 1.5, 0.5]),
            "equal_compute": plus([-4.0, 7.0, -5.0, 6.0, -5.0]),
            "comparative": plus(CLEAR),
        }
    )
    assert found == (
        "comparative is better than supervised by 4.9 points (p < .001) "
        "and than no_dropout by 3.6 points (p < .001), "
        "but not than equal_compute (+5.1 [−1.8, +12.0], p = .11): the gain may come from more passes."
    )


@pytest.mark.parametrize(
    ("winner", "baselines", "limits"),
    [
        (
            "comparative",
            ["no_dropout"],
            "no_dropout (−0.3 [−2.4, +1.8], p = .72): the gain may come from training without dropout",
        ),
        (
            "comparative+scl",
            ["equal_compute"],
            "equal_compute (−0.3 [−2.4, +1.8], p = .72): the gain may come from more passes",
        ),
        (
            "comparative",
            ["no_dropout", "equal_compute"],
            "no_dropout (−0.3 [−2.4, +1.8], p = 1.00) or equal_compute (−0.3 [−2.4, +1.8], p = 1.00): "
            "the gain may come from training without dropout or more passes",
        ),
        (  # it trains with dropout itself, so nothing of its gain comes from training without
            "scl",
            ["no_dropout"],
            "no_dropout (−0.3 [−2.4, +1.8], p = .72): training without dropout may gain as much",
        ),
    ],
)
def test_better_than_supervised_but_not_than_a_baseline(winner, baselines, limits):
    scores = {name: plus(UNCLEAR, plus(CLEAR)) for name in baselines}
    found = words({**scores, winner: plus(CLEAR)})
    assert found == f"{winner} is better than supervised by 4.9 points (p < .001), but not than {limits}."


def test_settings_make_no_other_kind_of_objective():
    comparative, equal = "comparative(n_drop=1,n_crop=1)", "equal_compute(n_drop=1,n_crop=1)"
    found = words({"no_dropout": plus(UNCLEAR), comparative: plus(CLEAR), equal: plus(UNCLEAR, plus(CLEAR))})
    assert found.startswith(f"{comparative} is better than supervised by 4.9 points (p < .001)")
    assert found.endswith(f"but not than {equal} (−0.3 [−2.4, +1.8], p = .72): the gain may come from more passes.")


def test_the_strongest_other_row_may_be_no_baseline():
    # against supervised 7, 4, 5, 4, 6: mean 5.2, sd √(6.8 / 4), t = 8.9, and t(.001) = 8.6
    found = words({"comparative": plus(CLEAR), "comparative+scl": plus(UNCLEAR, plus(CLEAR))})
    assert found == (
        "comparative+scl is better than supervised by 5.2 points (p < .001), "
        "but not than comparative (+0.3 [−1.8, +2.4], p = .72)."
    )


def test_a_baseline_wins():
    found = words({"no_dropout": plus(CLEAR), "comparative": plus(UNCLEAR)})
    # against comparative 3, 8, 3, 6, 3: mean 4.6, sd √(21.2 / 4), t = 4.6 / 1.03
    assert found == (
        "no_dropout, a baseline, has the highest accuracy: it is better than supervised by 4.9 points "
        "(p < .001) and than comparative by 4.6 points (p = .01)."
    )


def test_a_baseline_wins_over_a_winner_over_supervised():
    found = words({"no_dropout": plus([9.0, 11.0, 8.0, 9.0, 9.0]), "comparative": plus(CLEAR)})
    assert found.startswith("no_dropout, a baseline, has the highest accuracy: it is better than supervised")
    assert "and than comparative by 4.3 points (p < .001)." in found


def test_a_baseline_that_wins_needs_no_explanation():
    found = words({"no_dropout": plus(CLEAR), "equal_compute": plus(UNCLEAR, plus(CLEAR))})
    assert found == (
        "equal_compute, a baseline, has the highest accuracy: it is better than supervised by 5.2 points "
        "(p < .001), but not than no_dropout (+0.3 [−1.8, +2.4], p = .72)."
    )


def test_supervised_itself_wins():
    assert words({"comparative": plus([-difference for difference in CLEAR])}) == (
        "supervised, a baseline, has the highest accuracy: it is better than comparative by 4.9 points (p < .001)."
    )


def test_a_baseline_is_highest_but_not_above_what_compares():
    # comparative beats no baseline; no_dropout beats supervised, t = 1 / 0.158, p = .0032 · 2, but comparative
    # scatters: differences −1, 3.5, 0, 1.5, −0.5, mean 0.7, sd √(13.3 / 4), half width 2.776 · 0.816, t = 0.86
    found = words({"no_dropout": plus([1.0, 1.5, 1.0, 0.5, 1.0]), "comparative": plus(UNCLEAR)})
    assert found == (
        "no_dropout, a baseline, has the highest accuracy: it is better than supervised by 1.0 points "
        "(p = .006), but not than comparative (+0.7 [−1.6, +3.0], p = .44)."
    )


def test_no_gain_over_supervised_needs_no_explanation():
    # equal_compute is 0.1 below comparative for nearly every seed; no_dropout has a mean of −0.2
    found = words(
        {
            "equal_compute": plus([-0.1, -0.12, -0.08, -0.1, -0.1], plus(UNCLEAR)),
            "no_dropout": plus([-1.5, 1.5, -1.0, 1.0, -1.0]),
            "comparative": plus(UNCLEAR),
        }
    )
    assert found == (
        "comparative is not shown to be better than supervised (+0.3 [−1.8, +2.4], p = 1.00) or no_dropout (+0.5 "
        "[−3.3, +4.3], p = 1.00), but is better than equal_compute by 0.1 points (p < .001)."
    )


def test_nothing_differs():
    assert words({"comparative": plus(UNCLEAR)}) == (
        "There is no difference that 5 seeds can show: comparative has the highest accuracy "
        "(against supervised +0.3 [−1.8, +2.4], p = .72)."
    )
    # against comparative 1.5, −1.5, 1, −1.25, 1.75: sd √(9.675 / 4), half width 2.776 · 0.696, t = 0.43, p = .69;
    # the smaller of two p-values is doubled, and the other is not below it
    assert words({"no_dropout": plus(UNCLEAR), "comparative": plus([0.5, -0.5, 0.0, 0.25, -0.25])}) == (
        "There is no difference that 5 seeds can show: no_dropout, a baseline, has the highest accuracy "
        "(against supervised +0.3 [−1.8, +2.4], p = 1.00; against comparative +0.3 [−1.6, +2.2], p = 1.00)."
    )


# mean 2 and sd √(10 / 4): t = 2 / (1.58 / √5) = 2.83, so that p = .047 for a single comparison
NARROW = [0.0, 1.0, 2.0, 3.0, 4.0]


def test_p_is_corrected_for_the_comparisons_of_the_table():
    assert words({"comparative": plus(NARROW)}) == "comparative is better than supervised by 2.0 points (p = .047)."
    # scl scatters widely and is only a second comparison: 2 · .047
    found = words({"comparative": plus(NARROW), "scl": plus([-90.0, 9.0, -60.0, 8.0, -70.0])})
    assert found.startswith(
        "There is no difference that 5 seeds can show: comparative has the highest accuracy "
        "(against supervised +2.0 [+0.0, +4.0], p = .09"
    )


def test_a_pair_that_the_table_does_not_show_is_corrected_for_all_pairs_of_the_subject():
    # Against no_dropout alone p is .047; against supervised it is tiny, and so is it against equal_compute.
    scores = {
        "no_dropout": plus([-value for value in NARROW], plus(CLEAR)),
        "comparative": plus(CLEAR),
    }
    # of two comparisons the larger p stays as it is: t = 2.83 again
    assert "and than no_dropout by 2.0 points (p = .047)." in words(scores)
    # of three, the larger two are equal here and both doubled
    found = words(scores | {"equal_compute": scores["no_dropout"]})
    assert "no_dropout (+2.0 [+0.0, +4.0], p = .09) or equal_compute (+2.0 [+0.0, +4.0], p = .09)" in found


def test_too_few_seeds():
    assert words({"no_dropout": plus([2.0]), "comparative": plus([5.0])}) == (
        "comparative has the highest accuracy (against supervised +5.0; against no_dropout +3.0), "
        "but 1 seed is not enough for a test: it takes 5."
    )
    # 5, 6, 4: mean 5 ± 4.303 · 1 / √3 excludes 0, and yet it is no test
    assert words({"comparative": plus(CLEAR[:3])}) == (
        "comparative has the highest accuracy (against supervised +5.0 [+2.5, +7.5]), "
        "but 3 seeds are not enough for a test: it takes 5."
    )
    assert words({"no_dropout": plus(CLEAR[:3])}).startswith("no_dropout, a baseline, has the highest accuracy (")


def test_too_few_shared_seeds_with_one_of_two():
    found = words({"no_dropout": plus([3.0, 3.0, 2.0]), "comparative": plus(CLEAR)})
    assert found == (
        "comparative is better than supervised by 4.9 points (p < .001), but not than no_dropout "
        "(+2.3 [+0.9, +3.8], 3 seeds, too few for a test): the gain may come from training without dropout."
    )


def test_no_shared_seed():
    table = comparison_table([record_of("supervised", 0, 80.0), record_of("comparative", 1, 90.0)])
    assert in_words(table).startswith("comparative has the highest accuracy (against supervised no shared seed), ")


def test_the_highest_mean_may_be_lower_over_shared_seeds():
    lucky = plus([-difference for difference in CLEAR]) + [99.0] * 5  # seeds 5 to 9 are not paired
    assert words({"comparative": lucky}) == (
        "comparative has the highest accuracy, but not on the seeds shared with the others "
        "(against supervised −4.9 [−5.8, −4.0], p < .001)."
    )


def test_the_same_difference_for_every_seed():
    assert words({"comparative": plus([1.0] * 5)}) == (
        "comparative has the highest accuracy (against supervised +1.0), "
        "but a difference that is the same for every seed leaves nothing to test."
    )


def test_only_one_objective():
    assert words({}) == ("supervised has accuracy 85.6 ± 4.2 (5); there is no other objective to compare it with.")


def test_selected_on_the_part_that_is_reported():
    runs = records_of({"supervised": SUPERVISED, "comparative": plus(CLEAR)})
    runs = [changed(run, selection_split="test") for run in runs]
    assert in_words(comparison_table(runs)) == (
        words({"comparative": plus(CLEAR)})
        + " The best run was selected on the same part that is reported: its score is optimistic."
    )


def test_an_objective_without_all_scores_is_left_out():
    found = words({"scl": [math.nan, *plus(CLEAR)[1:]], "comparative": plus(CLEAR)})
    assert found == (
        "comparative is better than supervised by 4.9 points (p < .001). Left out, because a score is missing: scl."
    )


def test_no_scores_at_all():
    found = in_words(comparison_table([record_of("supervised", 0, math.nan)]))
    assert found == (
        "No objective has all its scores, so there is nothing to compare. "
        "Left out, because a score is missing: supervised."
    )


def test_another_baseline_comes_first():
    scores = {"supervised": SUPERVISED, "no_dropout": plus([1.0, 2.5, 1.0, 1.5, 0.5]), "comparative": plus(CLEAR)}
    table = comparison_table(records_of(scores), baseline="no_dropout")
    assert in_words(table) == (
        "comparative is better than no_dropout by 3.6 points (p < .001) and than supervised by 4.9 points (p < .001). "
        "Worse than no_dropout: supervised (−1.3 [−2.2, −0.4], p = .02)."
    )


def test_what_is_worse_is_said_too():
    worse = {"comparative": plus(UNCLEAR), "scl": plus([-difference for difference in CLEAR])}
    assert words(worse) == (
        "No objective is better by a difference that 5 seeds can show: comparative has the highest accuracy (against "
        "supervised +0.3 [−1.8, +2.4], p = .72). Worse than supervised: scl (−4.9 [−5.8, −4.0], p < .001)."
    )


def table_of(differences, seeds=5, baseline="supervised"):
    rivals = {name: plus(gaps)[:seeds] for name, gaps in differences.items()}
    return comparison_table(records_of({"supervised": SUPERVISED[:seeds]} | rivals), baseline=baseline)


def test_over_all_comparisons():
    worse = [-difference for difference in CLEAR]
    clear, unclear = table_of({"comparative": CLEAR, "scl": worse}), table_of({"comparative": UNCLEAR, "scl": worse})
    assert over_all({"A": clear, "B": unclear, "C": table_of({"comparative": CLEAR}, seeds=2)}) == (
        "In 1 of 3 comparisons an objective is better than supervised: comparative (A). Worse: scl (A); scl (B). "
        "Without a test, which takes 5 seeds: 1. The tests are corrected within each comparison, not over all 3."
    )
    assert over_all({"A": table_of({"comparative": UNCLEAR}), "B": table_of({"scl": UNCLEAR}, baseline="scl")}) == (
        "In none of 2 comparisons is an objective shown to be better than its baseline (supervised or scl)."
    )
    few = table_of({"comparative": CLEAR}, seeds=4)
    assert over_all({"A": few, "B": few}) == "None of 2 comparisons can show a difference: a test takes 5 seeds."


def test_checkpoints_chosen_on_the_part_that_is_reported():
    runs = records_of({"supervised": SUPERVISED, "comparative": plus(CLEAR)})
    chosen = {"training": {"load_best_model_at_end": True}}
    runs = [changed(run, eval_split="validation", settings=run.settings | chosen) for run in runs]
    runs = [changed(run, scores=scores_of(validation=run.measures("test"))) for run in runs]
    assert in_words(comparison_table(runs)).endswith(
        "Every run kept its best checkpoint by the part that is reported: all scores are optimistic."
    )
