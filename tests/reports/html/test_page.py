"""The page as text: what is on it, and what it is made from."""

import re
from base64 import b64decode

import pytest

from cmploss.errors import UserError
from cmploss.experiment import read_records
from cmploss.experiment.run_dir import write_failure
from cmploss.experiment.spec import KINDS
from cmploss.reports import comparison_table, in_words
from cmploss.reports.html import StudyRuns, read_study, report_page
from cmploss.reports.html.study_view import slots_of
from tests.reports.html.studies import settings_with, two_objectives, write_study
from tests.reports.runs import changed, record_of, records_of, scores_of

SVG = '<svg xmlns="http://www.w3.org/2000/svg"><text>x</text></svg>'


def words_of(page):
    """Text of the page without its markup, its spaces as one."""
    body = re.sub(r"<(style|script)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", body).split())


def page_of(records, **options):
    return report_page([StudyRuns("tickets", records)], **options)


def grid():
    return [
        record_of(objective, seed, score + seed, train_size=size)
        for size, gain in ((20, 0.0), (100, 9.0))
        for objective, base, step in (("supervised", 60.0, 0), ("comparative", 60.0 + gain, 1))
        for seed in range(5)
        for score in [base + step * (seed % 2) * 0.5]
    ]


def test_the_headline_stands_above_the_sentences_with_a_chip():
    words = words_of(page_of(records_of({"supervised": [60.0, 64.0], "comparative": [63.0, 65.0]})))
    headline = "Too few seeds Too few seeds for a test"
    plain = "The differences are not tested: a test takes 3 shared seeds whose scores vary."
    places = [words.index(text) for text in ("Is another objective better", headline, plain, "Too few shared seeds")]
    assert places == sorted(places)
    wide = page_of(records_of({"supervised": [60.0, 61.0, 62.0], "rdrop": [63.0, 61.0, 64.0]}), margin=50.0)
    assert "Same within 50 points The same within 50 points" in words_of(wide)


def test_the_answer_is_the_sentence_of_the_table():
    records = records_of({"supervised": [60.0, 64.0], "comparative": [63.0, 65.0]})
    assert in_words(comparison_table(records)) in words_of(page_of(records))
    other = page_of(records, baseline="comparative")
    assert in_words(comparison_table(records, baseline="comparative")) in words_of(other)
    assert "Is another objective better than comparative" in words_of(other)


def test_a_grid_begins_with_all_of_its_comparisons():
    words = words_of(page_of(grid()))
    assert (
        "An objective is better than supervised in 1 of 2 conditions: comparative (100 training examples). Corrected "
        "over the 2 conditions with a test." in words
    )
    assert words.index("20 training examples") < words.index("Is another objective better")
    none = [run for run in grid() if run.condition.train_size == 20 or run.name == "supervised"]
    none += [record_of("comparative", seed, 60.0 + seed, train_size=100) for seed in range(5)]
    assert "An objective is better than supervised in none of 2 conditions." in words_of(page_of(none))


def test_an_objective_has_the_same_colour_on_every_page():
    some, others = (
        [StudyRuns("tickets", records_of({name: [60.0] for name in names}))]
        for names in (["mine", "rdrop", "supervised"], ["comparative", "rdrop", "mine", "yours"])
    )
    place = KINDS.index("rdrop")
    assert slots_of(some) == {"supervised": 0, "rdrop": place, "mine": 1}
    assert slots_of(others) == {"comparative": 3, "rdrop": place, "mine": 0, "yours": 1}


def test_numbers_of_the_answer_are_not_torn_apart():
    page = page_of(records_of({"supervised": [60.0, 61.0, 62.0, 60.5, 61.5], "rdrop": [66.0, 67.5, 68.0, 65.0, 67.5]}))
    numbers = re.findall(r"p.(?:=|&lt;).\.\d+", page)
    said = [number for number in numbers if not number.endswith((".05", ".01"))]  # not those of the footnote
    assert len(said) == 1
    assert " " not in said[0]


def test_settings_that_differ_are_apart_from_those_that_do_not():
    records = [
        record_of("supervised", 0, 60.0, settings=settings_with(learning_rate=1e-4, bf16=False)),
        record_of("comparative", 0, 62.0, settings=settings_with(learning_rate=5e-5, bf16=False)),
    ]
    words = words_of(page_of(records))
    different = words.partition("Different between objectives")[2].partition("Equal for every objective")[0]
    assert "objective training.learning_rate supervised 0.0001 comparative 5e-05" in different
    assert "bf16" not in different
    assert "training.bf16 false" in words.partition("Equal for every objective")[2]


def test_data_machine_and_commands_are_there():
    records = [record_of("supervised", 0, 60.0, environment={"git_commit": "abc123", "device": "some CPU"})]
    words = words_of(page_of(records))
    assert f"train 400 {'a' * 64} test 500 {'b' * 64}" in words
    assert "git_commit abc123 device some CPU" in words
    assert "cmploss compare --task tickets --objectives supervised --seeds 1" in words


def test_other_measures_stand_below_the_table():
    runs = two_objectives()
    assert "Other measures" not in page_of(runs)
    scores = {"supervised": 25.0, "comparative": 75.0}
    more = [changed(run, scores=scores_of(test=run.measures("test") | {"<f1>": scores[run.name]})) for run in runs]
    table = page_of(more).partition("Other measures</h2>")[2].partition("</table>")[0]
    assert '<th scope="col" class="n">&lt;f1&gt;</th>' in table
    assert words_of(table).endswith("supervised 25.0 ± 0.0 (2) comparative 75.0 ± 0.0 (2)")


def test_a_study_is_read_with_what_lies_beside_its_records(tmp_path):
    folder = write_study(two_objectives(), tmp_path / "tickets")
    (folder / "embeddings.svg").write_text(SVG)
    failed = folder / "rdrop" / "seed-0"
    failed.mkdir(parents=True)
    (failed / "settings.json").write_text("{}")
    other = folder / "rdrop" / "seed-1"
    write_failure(other, ValueError("no"))
    study = read_study(folder, read_records(folder))
    assert (study.title, study.unfinished, study.texts) == (
        "tickets",
        {"rdrop/seed-0": "", "rdrop/seed-1": "ValueError: no"},
        {},
    )
    page = report_page([study])
    warning = "2 runs have not finished and are not in the tables: rdrop/seed-0, rdrop/seed-1 (ValueError: no)."
    assert warning in words_of(page)
    assert page.count('<img src="data:image/svg+xml;base64,') == 1


def test_every_comparison_has_its_own_picture_of_embeddings(tmp_path):
    folder = tmp_path / "tickets"
    for size in (20, 100):
        cell = folder / f"few_shot-{size}"
        data = record_of("x", 0, 0.0).data | {"silhouette": size / 1000}
        write_study([changed(run, train_size=size, data=data) for run in two_objectives(seeds=1)], cell)
        (cell / "embeddings.svg").write_text(SVG.replace("x<", f"{size}<"))
    study = read_study(folder, read_records(folder))
    pictures = {name: b64decode(found.partition(",")[2]).decode() for name, found in study.embeddings.items()}
    assert pictures == {f"{size} training examples": SVG.replace("x<", f"{size}<") for size in (20, 100)}
    first, second = report_page([study]).split("Embeddings</h2>")[1:]
    assert "Silhouettes: supervised 0.02 (seed 0); comparative 0.02 (seed 0)" in first
    assert "Silhouettes: supervised 0.10 (seed 0); comparative 0.10 (seed 0)" in second
    assert "comparative%2C0%2C0.1%0D%0A" in second


def test_a_page_does_not_depend_on_the_order_of_its_records(tmp_path):
    folder = write_study(two_objectives(), tmp_path / "tickets")
    records = read_records(folder)
    page, again = (report_page([read_study(folder, found)]) for found in (records, records[::-1]))
    assert page == again
    assert report_page([read_study(folder, records)], baseline="comparative") != page


def test_several_studies_stand_side_by_side():
    page = report_page([StudyRuns("one", records_of({"supervised": [1.0]})), StudyRuns("two", grid())])
    words = words_of(page)
    assert "2 studies side by side" in words
    assert (
        words.index("one")
        < words.index("two, 20 training examples")
        < words.index("What accuracy does supervised reach")
    )


def test_examples_of_a_page_are_shared_among_its_comparisons(monkeypatch):
    monkeypatch.setattr("cmploss.reports.html.study_view.EXAMPLES", 4)
    alone, both = (report_page([StudyRuns(f"{n}", two_objectives()) for n in range(count)]) for count in (1, 2))
    assert alone.count('"n": ') == 3  # all that differ
    assert both.count('"n": ') == 2 * 2
    assert "The 2 largest differences can be searched here." in words_of(both)


def test_runs_that_cannot_be_compared_are_named():
    twice = [record_of("supervised", 0, 1.0), record_of("supervised", 0, 2.0)]
    with pytest.raises(UserError, match=r"^tickets: supervised: two records of seed 0"):
        page_of(twice)
    in_a_cell = [*twice, record_of("supervised", 0, 1.0, train_size=20)]
    with pytest.raises(UserError, match=r"^tickets: all training examples: supervised: two records"):
        page_of(in_a_cell)


def test_no_records_are_an_error(tmp_path):
    with pytest.raises(UserError, match=r"no record\.json below it"):
        read_study(tmp_path, [])


def test_the_baseline_is_the_first_of_the_order_of_the_command():
    """Without ``supervised``, and without a run of the first objective."""
    records = records_of({"rdrop": [60.0, 61.0, 62.5], "scl": [63.0, 64.5, 65.0]})
    order = ["comparative", "rdrop", "scl"]
    table = comparison_table(records, order=order)
    assert table.baseline == "rdrop"
    verdict = in_words(table).partition(".")[0]
    assert verdict.startswith("Better than rdrop: scl by 3")
    assert verdict in words_of(page_of(records, order=order))
    assert verdict not in words_of(page_of(records))
