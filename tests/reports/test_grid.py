import pytest

from cmploss.errors import UserError
from cmploss.reports import (
    Cell,
    comparison_table,
    grid_report,
    in_words,
    latex_table,
    markdown_table,
    write_grid_curves,
)
from cmploss.reports.export import latex_text
from cmploss.reports.formatting import escape
from tests.reports.runs import records_of

ORDER = ("supervised", "comparative")
SMALL = {"supervised": [60.0, 64.0], "comparative": [70.0, 71.0]}
LARGE = {"supervised": [80.0, 84.0], "comparative": [85.0]}
STEPS = {"training": {"max_steps": 9}}
RECORDS = [
    *records_of(SMALL, few_shot=20, settings={"noise": "none", **STEPS}),
    *records_of(LARGE, few_shot=100, settings={"noise": "none", **STEPS}),
]
CURVE = "curve-few_shot-no-noise-9-steps.svg"


def test_every_cell_has_its_sentence_its_table_and_its_page():
    page = grid_report(RECORDS, order=ORDER, pages={Cell(20, steps=9): "small/report.md"})
    for size, scores in ((20, SMALL), (100, LARGE)):
        table = comparison_table(records_of(scores), order=ORDER)
        section = page.partition(f"## {size} training examples\n")[2].partition("\n## ")[0]
        assert escape(in_words(table)) in section
        assert markdown_table(table).strip() in section
        assert ("(small/report.md)" in section) == (size == 20)
    assert "2 cells (no noise, 9 steps)" in page


def test_scores_along_an_axis():
    """sd of 60 and 64 is √8, of 70 and 71 √½."""
    lines = (
        grid_report(RECORDS, order=ORDER).partition("## By training examples: no noise, 9 steps\n\n")[2].splitlines()
    )
    assert lines[0] == "| objective | 20 | 100 |"
    assert lines[2] == "| supervised | 62.0 ± 2.8 (2) | 82.0 ± 2.8 (2) |"
    assert lines[3] == "| comparative | 70.5 ± 0.7 (2) | 85.0 (1) |"
    assert lines[5] == f"![training examples]({CURVE})"


def test_curves_are_drawn_where_the_report_links_to(tmp_path):
    write_grid_curves(tmp_path, RECORDS, order=ORDER)
    assert [path.name for path in tmp_path.iterdir()] == [CURVE]
    drawn = (tmp_path / CURVE).read_text()
    for words in ("training examples (no noise, 9 steps)", "accuracy in percent on test", "comparative"):
        assert words in drawn


def test_failures_are_told():
    page = grid_report(RECORDS, order=ORDER, failures={"a/scl/seed-1": "RuntimeError: *boom*"})
    assert "## Failed runs\n\n- a/scl/seed-1: RuntimeError: \\*boom\\*" in page
    assert "Failed" not in grid_report(RECORDS, order=ORDER)


def test_latex_of_every_cell():
    tables = [latex_table(comparison_table(records_of(scores), order=ORDER)) for scores in (SMALL, LARGE)]
    titles = [f"% tickets: {size} training examples\n" for size in (20, 100)]
    assert latex_text("tickets", RECORDS, order=ORDER) == f"{titles[0]}{tables[0]}\n{titles[1]}{tables[1]}"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"noise": "label:0.2", **STEPS}, "differ in noise: 'label:0.2', 'none'"),
        ({"noise": "none", "training": {"max_steps": 5}}, "seed 0 differ in steps: 9, 5"),
    ],
)
def test_one_table_takes_one_cell(change, words):
    one = records_of({"supervised": [80.0]}, settings={"noise": "none", **STEPS})
    other = records_of({"scl": [80.0]}, settings=change)
    with pytest.raises(UserError, match=words):
        comparison_table([*one, *other])
    assert len(comparison_table([*one, *records_of({"scl": [80.0]}, settings={"noise": "none", **STEPS})]).rows) == 2


def test_the_only_cell_with_records_has_a_heading():
    page = grid_report(RECORDS[:4], order=ORDER)
    assert "\n## 20 training examples, no noise, 9 steps\n" in page
    assert "## By" not in page


@pytest.mark.parametrize("change", [{"task": "other"}, {"measure": "f1"}])
def test_a_grid_has_one_subject(change):
    others = records_of(SMALL, few_shot=100, **change)
    with pytest.raises(UserError, match=f"the records differ in {next(iter(change))}"):
        grid_report([*RECORDS, *others])
