"""The paragraph on methods says what the table was made by."""

from cmploss.reports import comparison_table
from cmploss.reports.methods import methods_paragraph
from tests.reports.runs import changed, records_of

ROWS = {"supervised": [70.0, 71.0, 72.5], "comparative": [74.0, 75.5, 76.0], "rdrop": [71.0, 71.5, 73.0]}


def test_it_names_rows_data_test_margin_power_and_versions():
    runs = [changed(run, environment={"cmploss": "0.2", "torch": "2.1"}) for run in records_of(ROWS)]
    table = comparison_table(runs, margin=2)
    text = methods_paragraph(table)
    assert text.startswith(
        "We compared supervised, comparative and rdrop on tickets by accuracy on the test split (500 examples), "
        "trained on 400 examples, with 3 seeds. Each other objective was compared with supervised by Dunnett's "
        "two-sided test with seeds as blocks (a two-way layout without interaction), with simultaneous 95 % confidence "
        "intervals, at a level of 5 % for the family."
    )
    assert "within ± 2 points" in text
    assert f"a true difference of {table.family.detectable:.1f} points is detected with 80 % power" in text
    assert text.endswith("Software: cmploss 0.2, torch 2.1.")


def test_one_comparison_is_a_paired_t_test():
    two = {name: ROWS[name] for name in ("supervised", "rdrop")}
    assert "rdrop was compared with supervised by a two-sided t test paired by seed" in methods_paragraph(
        comparison_table(records_of(two))
    )


def test_unlike_scatter_is_holm():
    wild = {**ROWS, "supervised": [70.0, 71.0, 72.5], "comparative": [50.0, 90.0, 76.0], "rdrop": [70.5, 71.5, 73.0]}
    table = comparison_table(records_of(wild))
    assert table.family.method == "Holm"
    assert "t tests paired by seed with Holm's correction" in methods_paragraph(table)


def test_too_few_seeds_are_said():
    few = {name: row[:2] for name, row in ROWS.items()}
    assert "The differences were not tested." in methods_paragraph(comparison_table(records_of(few)))
