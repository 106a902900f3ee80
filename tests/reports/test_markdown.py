import dataclasses
import random

import pytest

from cmploss.errors import UserError
from cmploss.reports import comparison_table, in_words, markdown_report, markdown_table
from tests.reports.runs import record_of, records_of

SCORES = {"supervised": [86.0, 80.0], "comparative": [91.0]}


def section(page: str, title: str) -> list[str]:
    """The lines below a heading, without the empty ones."""
    body = page.split(f"\n## {title}\n")[1].split("\n## ")[0]
    return [line for line in body.splitlines() if line]


def test_head():
    runs = records_of(SCORES)
    page = markdown_report(runs)
    table = comparison_table(runs)
    assert page.startswith(f"# tickets\n\n{in_words(table)}\n\n{markdown_table(table)}\naccuracy in percent on test,")
    assert "; selected on validation; all training examples; " in page
    assert page.endswith("|\n")


def test_few_shot_and_no_selection():
    runs = [dataclasses.replace(run, data=run.data | {"selected_on": None}) for run in records_of(SCORES, train_size=8)]
    assert "; nothing was selected; few-shot samples of 8 training examples; " in markdown_report(runs)


def test_evidence_has_its_sections_where_there_is_any():
    page = markdown_report(records_of({"supervised": [86.0, 80.0], "comparative": [91.0, 84.0]}))
    # differences 5 and 4: mean 4.5, sd √½, half width 12.7 · ½
    text, header, _, line = section(page, "Over seeds")
    assert text.startswith("Every objective against the baseline, paired by seed")
    assert header.startswith("| objective | Δ supervised [95 % CI] | t test: p |")
    assert line.startswith("| comparative | +4.5 [−1.9, +10.9] | – | – | – | +6.4 [")  # 4.5 / √½
    assert "\n## Over test examples\n" not in page  # no predictions
    assert "\n## Best by validation\n" not in page  # too few runs
    assert "\n## Over seeds\n" not in markdown_report(records_of({"supervised": [86.0, 80.0]}))


def test_settings():
    runs = [
        record_of(name, seed, 80.0, settings={"lr": 5e-5, "seed": seed, "model": None, **own})
        for name, own in [("supervised", {}), ("comparative", {"plan": {"n_drop": 2, "names": ["a"]}})]
        for seed in (0, 1)
    ]
    assert section(markdown_report(runs), "Settings") == [
        "Different between objectives:",
        "| objective | plan.n_drop | plan.names |",
        "|:--|:--|:--|",
        "| supervised | – | – |",
        r'| comparative | 2 | \["a"\] |',
        "Equal for every objective:",
        "| setting | value |",
        "|:--|:--|",
        "| lr | 5e-05 |",
        "| seed | 0, 1 |",
        "| model | null |",
    ]


def test_settings_that_are_all_equal():
    lines = section(markdown_report(records_of({"supervised": [1.0, 2.0]}, settings={"lr": 1})), "Settings")
    assert lines == ["Equal for every objective:", "| setting | value |", "|:--|:--|", "| lr | 1 |"]


def test_data():
    def run(name, seed, sample):
        parts = {"train": {"examples": 8, "sha256": sample * 64}, "test": {"examples": 500, "sha256": "b" * 64}}
        data = {"parts": parts, "reported_on": "test", "label_names": ["x", "y"], "notes": [f"sample {seed}", "n"]}
        return record_of(name, seed, 80.0, data=data)

    runs = [run(name, seed, sample) for name in SCORES for seed, sample in enumerate("cd")]
    assert section(markdown_report(runs), "Data") == [
        "| part | examples | sha256 |",
        "|:--|:--|:--|",
        "| train | 8 | cccccccccccc, dddddddddddd |",
        "| test | 500 | bbbbbbbbbbbb |",
        "Labels: x, y",
        "- sample 0",
        "- n",
        "- sample 1",
    ]


def test_cost_environment_and_scores():
    page = markdown_report(records_of(SCORES), order=["supervised", "rdrop"])
    assert section(page, "Settings")[1].startswith("| objective | ")
    assert [line.split(" | ")[0] for line in section(page, "Settings")[3:5]] == ["| supervised", "| comparative"]
    assert section(page, "Cost")[1:] == [
        "| objective | passes_per_step | seconds |",
        "|:--|:--|:--|",
        "| supervised | 2 | 40 |",  # (40 + 41) / 2 = 40.5, which rounds to even
        "| rdrop | – | – |",
        "| comparative | 2 | 40 |",
    ]
    assert section(page, "Environment") == [
        "| name | value |",
        "|:--|:--|",
        "| python | 3.11.7 |",
        "| device | CPU |",
    ]
    assert section(page, "Scores") == [
        "| seed | supervised | rdrop | comparative |",
        "|:--|:--|:--|:--|",
        "| 0 | 86.0 | – | 91.0 |",
        "| 1 | 80.0 | – | – |",
    ]


def test_the_order_of_records_does_not_matter():
    runs = records_of({"supervised": [80.0, 81.0, 82.0], "comparative": [83.0, 84.0, 86.0]})
    order = ["supervised", "comparative"]
    page = markdown_report(runs, order=order)
    for seed in range(10):
        assert markdown_report(random.Random(seed).sample(runs, len(runs)), order=order) == page


def test_every_string_of_the_data_is_escaped():
    evil = "|`\n<b>"
    shown = r"\|\` \<b\>"
    run = record_of(
        evil,
        0,
        80.0,
        task=evil,
        measure=evil,
        scores={evil: {evil: 80.0}},
        settings={evil: {evil: evil}},
        cost={evil: 1.0},
        environment={evil: evil},
        data={
            "parts": {evil: {"examples": evil, "sha256": evil}},
            "label_names": [evil],
            "notes": [evil],
            "selected_on": evil,
            "reported_on": evil,
        },
    )
    for title in (None, evil):
        page = markdown_report([run, dataclasses.replace(run, objective="other")], title=title)
        rest = page.replace(shown, "")
        assert not set("`<>\\") & set(rest)
        assert page.splitlines()[0] == f"# {shown}"


def test_title_and_baseline():
    page = markdown_report(records_of(SCORES), title="Tickets_ of *May*", baseline="comparative")
    assert page.startswith("# Tickets\\_ of \\*May\\*\n")
    assert "Δ comparative [95 % CI]" in page


def test_records_that_cannot_be_compared():
    with pytest.raises(UserError, match="differ in task"):
        markdown_report([record_of("supervised", 0, 80.0), record_of("supervised", 1, 80.0, task="sst2")])
