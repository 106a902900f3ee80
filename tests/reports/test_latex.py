import re

from cmploss.reports import comparison_table, in_words, latex_table
from cmploss.reports.latex import escaped
from tests.reports.runs import records_of

SUPERVISED = [86.0, 80.0, 90.0, 83.0, 89.0]
COMPARATIVE = [91.0, 86.0, 94.0, 88.0, 93.5]


def lines_of(scores, **options):
    return latex_table(comparison_table(records_of(scores), **options)).splitlines()


def test_rows_marks_and_cost():
    lines = lines_of({"supervised": SUPERVISED, "comparative": COMPARATIVE})
    assert lines[0] == (
        "% tickets: accuracy in percent on test, mean ± sd (runs). p and intervals: paired t test over seeds; "
        "* p < .05, ** p < .01."
    )
    assert lines[5] == r"supervised & 85.6 $\pm$ 4.2 (5) & -- & -- & -- & 2 & 42 \\"
    name, mean, difference, p, effect, passes, seconds = lines[6].removesuffix(r" \\").split(" & ")
    assert (name, mean, p) == ("comparative", r"90.5 $\pm$ 3.5 (5)", "$<$.001")
    assert difference == "+4.9 {[}+4.0, +5.8{]}$^{**}$"
    assert effect == "+6.6"  # 4.9 / √0.55
    assert (passes, seconds) == ("2", "42")


def test_a_row_has_as_many_cells_as_there_are_columns():
    lines = lines_of({"supervised": SUPERVISED, "comparative": COMPARATIVE})
    columns = re.fullmatch(r"\\begin\{tabular\}\{(\w+)\}", lines[1])[1]
    assert [line.count(" & ") + 1 for line in (lines[3], *lines[5:7])] == [len(columns)] * 3


def test_the_sentence_stands_below_the_table():
    table = comparison_table(records_of({"supervised": SUPERVISED, "no_dropout": COMPARATIVE}))
    _, _, below = latex_table(table).partition("\\end{tabular}\n")
    assert below == f"\n{escaped(in_words(table))}\n"
    assert r"Better than supervised: no\_dropout by 4.9 points (p $<$ .001)." in below


def test_pairs_are_counted_where_a_run_is_missing():
    runs = records_of({"supervised": SUPERVISED, "comparative": COMPARATIVE})
    del runs[2]  # supervised, seed 2
    lines = latex_table(comparison_table(runs)).splitlines()
    # differences 5, 6, 5 and 4.5: 5.125 ± 3.182 · 0.629 / √4
    assert lines[6].startswith(r"comparative & 90.5 $\pm$ 3.5 (5) & +5.1 {[}+4.1, +6.1{]}$^{**}$ (4 pairs) & ")


def test_names_are_escaped():
    lines = lines_of({"a_b&c": SUPERVISED, "50%#{x}^~\\$[1]<": COMPARATIVE}, baseline="a_b&c")
    assert lines[5].startswith(r"a\_b\&c & ")
    assert lines[6].startswith(r"50\%\#\{x\}\textasciicircum{}\textasciitilde{}\textbackslash{}\${[}1{]}$<$ & ")
    assert r"$\Delta$ a\_b\&c {[}95 \% CI{]}" in lines[3]


def test_minus_is_maths():
    (line,) = [line for line in lines_of({"supervised": COMPARATIVE, "scl": SUPERVISED}) if line.startswith("scl")]
    assert "$-$4.9 {[}$-$5.8, $-$4.0{]}$^{**}$" in line
    assert line.isascii()


def test_a_name_on_two_lines_stays_in_the_comment():
    runs = records_of({"supervised": SUPERVISED}, task="a\nb")
    assert latex_table(comparison_table(runs)).splitlines()[:2] == [
        "% a b: accuracy in percent on test, mean ± sd (runs).",
        r"\begin{tabular}{lllllrr}",
    ]
