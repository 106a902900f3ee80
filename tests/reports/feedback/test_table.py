"""The table, on the screen and as text."""

import numpy as np

from cmploss.reports.feedback import about, aligned, feedback_latex, feedback_markdown, feedback_table
from tests.reports.feedback.evaluations import evaluation_of

NONE = np.array([0.5, 0.5, 0.5, 0.5])
LOL = np.array([[0.9, 0.7, 0.5, 0.4], [0.7, 0.7, 0.7, 0.5]])
RECORD = evaluation_of({("none", 0): NONE, ("lol", 0): LOL, ("lol", 2): LOL[::-1] - 0.1, ("bm25", None): NONE})


def texts(line):
    return [cell.text for cell in line]


def test_seeds_have_a_deviation_and_shares_their_mean():
    header, none, alone, fed, other = feedback_table(RECORD)
    assert texts(header)[:4] == ["feedback", "k", "nDCG@10", "Δ nDCG@10 [95 % CI]"]
    assert texts(none) == ["none", "0", "0.5000", *["–"] * 5, *["0.5000"] * 4]
    # means over queries of the two seeds: .625 and .65; sd √(2 · .0125²) = .0177
    assert texts(alone)[:3] == ["lol", "0", "0.6375 ± 0.0177 (2)"]
    assert texts(alone)[8:] == ["0.6375"] * 4
    # seed 0 has two above and one below, seed 1 three above and none below; without feedback nothing is more
    assert texts(alone)[5:8] == ["62.5 ± 17.7 %", "12.5 ± 17.7 %", "–"]
    # the step: .9 .7 .5 .4 → .6 .6 .6 .4 hurts two, .7 .7 .7 .5 → .8 .6 .4 .3 three
    assert texts(fed)[7] == "62.5 ± 17.7 %"
    assert texts(other)[:3] == ["bm25", "–", "0.5000"]
    assert texts(other)[3:8] == ["+0.0000", "1.00", "0.0 %", "0.0 %", "–"]


def test_cells_are_sorted_by_numbers():
    _, none, alone, *_ = feedback_table(RECORD)
    assert [cell.value for cell in alone[:3]] == ["lol", 0, 0.6375]
    assert [cell.value for cell in none[3:8]] == [None] * 5


def test_columns_stand_below_one_another():
    lines = aligned(feedback_table(RECORD))
    assert len({len(line) for line in lines}) == 1
    assert lines[0].startswith("feedback  k ")
    assert all(line[len("feedback  ")] in "k02–" for line in lines)


def test_the_footnote_counts_the_tests_and_explains_seeds():
    assert "corrected (Holm) for the 3 tests of the table" in about(RECORD)
    assert "averaged query by query before the test" in about(RECORD)
    single = evaluation_of({("none", 0): NONE, ("average", 1): NONE + 0.1})
    assert "no test was possible" in about(single)
    assert "seeds" not in about(single)


def test_markdown_has_a_line_of_settings_for_each_reformulator():
    record = evaluation_of({("none", 0): NONE, ("lol", 1): LOL, ("several", 1): LOL})
    lines = feedback_markdown("runs", record).partition("Different between reformulators:\n\n")[2].splitlines()
    assert [line.split(" | ")[0] for line in lines[:4]] == ["| reformulator", "|:--|:--|:--|", "| lol", "| several"]


def test_markdown_has_the_table_the_settings_and_the_command():
    hostile = "a|b <script>\n`x`"
    record = evaluation_of({("none", 0): NONE, (hostile, 2): LOL}, command="cmploss retrieve evaluate --index 'a\nb'")
    text = feedback_markdown("runs *of* mine", record)
    assert text.startswith("# runs \\*of\\* mine\n\nDoes feedback help")
    assert "| a\\|b \\<script\\> \\`x\\` | 2 | 0.6375 ± 0.0177 (2) |" in text
    assert "| training.max_steps | 6 |" in text
    assert "| queries | 4 |" in text
    assert text.endswith("## Command\n\n    cmploss retrieve evaluate --index 'a b'\n")
    assert "<script>" not in text


def test_latex_has_marks_above_the_line_and_nothing_to_break_it():
    far = np.array([0.1, 0.11, 0.12, 0.1])
    text = feedback_latex("my_runs", evaluation_of({("none", 0): NONE, ("a_b", 1): far}))
    comment, *lines = text.splitlines()
    assert comment.startswith("% my_runs: Does feedback help")
    assert lines[0] == r"\begin{tabular}{l" + "r" * 11 + "}"
    assert lines[2].startswith(r"feedback & k & nDCG@10 & $\Delta$ nDCG@10 {[}95 \% CI{]} & p &")
    (row,) = [line for line in lines if line.startswith(r"a\_b & 1 & 0.1075 &")]
    assert r"$<$.001$^{**}$" in row
    assert row.endswith(r"0.0 \% & 100.0 \% & 100.0 \% & 0.1075 & 0.1075 & 0.1075 & 0.1075 \\")
