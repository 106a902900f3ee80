"""Pages and tables of the docs that are made from committed measurements and records are up to date."""

import importlib.util
import json
from pathlib import Path

import pytest

from cmploss.experiment import read_records
from cmploss.recipes.recipe import all_recipes, published_runs
from cmploss.tasks.qa import Question, Segment

ROOT = Path(__file__).parents[2]
MEASURED = {
    shape: groups
    for path in sorted((ROOT / "benchmarks" / "results").glob("step_cost_*.json"))
    for shape, groups in json.loads(path.read_text(encoding="utf-8"))["results"].items()
}


def benchmark(name):
    specification = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.mark.parametrize("shape", MEASURED)
def test_the_docs_show_the_measurement(shape):
    table = benchmark("step_cost").table_of(MEASURED[shape])
    assert f"`{shape}`\n\n{table}\n" in (ROOT / "docs" / "engines.md").read_text(encoding="utf-8")


def test_ratios_are_medians_over_rounds():
    rows = {
        "plain": {"ms": 200.0, "ms_of_rounds": [100.0, 200.0, 400.0], "peak_mb": 50.0},
        "joint 1": {"ms": 300.0, "ms_of_rounds": [150.0, 400.0, 300.0], "peak_mb": 75.0},
    }
    # Ratios of the rounds 1.5, 2 and 0.75: their median is 1.5, as is the ratio of the peaks.
    assert "| 1 | joint | 300 | 150–400 | 1.50 | – | – | 75 | 1.50 |" in benchmark("step_cost").table_of({"1": rows})


DEVIATIONS = json.loads((ROOT / "benchmarks" / "results" / "deviations_cpu.json").read_text())["deviation"]


def test_the_docs_show_the_deviations():
    found = benchmark("deviations")
    assert {tuple(row.split(", ")): set(cells) for row, cells in DEVIATIONS.items()} == {
        (name.split(", ")[0], *rest): set(found.CELLS) for name, *rest in found.jobs()
    }
    assert f"\n{found.table_of(DEVIATIONS)}\n" in (ROOT / "docs" / "engines.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("row", DEVIATIONS)
def test_deviations_are_rounding(row):
    contrast = {"accumulation", "accumulation, uneven"} if "scl" in row else set()
    large = {cell for cell, value in DEVIATIONS[row].items() if isinstance(value, float) and value > 1e-5}
    assert large == contrast
    refused = {cell for cell, value in DEVIATIONS[row].items() if isinstance(value, str)}
    assert refused <= {"compiled, aot_eager", "compiled, inductor"}


def test_the_page_of_published_runs_is_up_to_date():
    page = benchmark("reproduction").page()
    assert (ROOT / "docs" / "reproduction.md").read_text(encoding="utf-8") == page
    assert len(page.splitlines()) > len(published_runs())


@pytest.mark.parametrize("name", ["distractors", "likelihood"])
def test_the_figures_over_distractors_are_up_to_date(name, tmp_path):
    getattr(benchmark("doc_figures"), f"draw_{name}")(tmp_path / "drawn.svg")
    assert (tmp_path / "drawn.svg").read_bytes() == (ROOT / "docs" / "assets" / f"{name}.svg").read_bytes()


@pytest.mark.parametrize("name", ["task_tables.md", "lora.md"])
def test_the_tables_of_tasks_are_made_from_their_records(name):
    path = ROOT / "docs" / name
    assert benchmark("task_tables").page(path) == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["helpdesk", "helpdesk-folds", "trec", "banking77"])
def test_the_tables_of_depths_are_those_of_the_records(name):
    records = [
        *read_records(ROOT / "results" / f"layers-{name}"),
        *read_records(ROOT / "results" / f"layers-{name}-alone"),
    ]
    assert {run.seed for run in records} == {*range(5)}
    page = (ROOT / "docs" / "methods" / "cmplayer.md").read_text(encoding="utf-8")
    assert benchmark("depth_table").overview(records, [6, 4, 2]) in page


def test_the_planned_study_of_helpdesk_is_shown_too():
    plain = [run for run in read_records(ROOT / "results" / "layers-helpdesk") if run.name == "no_dropout"]
    others = [read_records(ROOT / "results" / f"layers-helpdesk-{name}") for name in ("0.3", "alone")]
    page = (ROOT / "docs" / "methods" / "cmplayer.md").read_text(encoding="utf-8")
    assert benchmark("depth_table").overview([*plain, *others[0], *others[1]], [6, 4, 2]) in page


def test_the_page_shows_the_measured_exits():
    page = (ROOT / "docs" / "methods" / "cmplayer.md").read_text(encoding="utf-8")
    measured = json.loads((ROOT / "benchmarks" / "results" / "layer_times_cpu.json").read_text())
    for depth, time in measured["milliseconds"].items():
        assert f"| {depth} layers | {measured['accuracy'][depth]} | {time} |" in page
    for probability, row in measured["exit"].items():
        shares = " | ".join(f"{share} %" for share in row["ended"].values())
        assert f"| `--exit {probability}` | {row['accuracy']} | {row['milliseconds']} | {shares} |" in page


def test_the_figure_of_depths_is_up_to_date(tmp_path):
    records = [*read_records(ROOT / "results" / "layers-trec"), *read_records(ROOT / "results" / "layers-trec-alone")]
    times = json.loads((ROOT / "benchmarks" / "results" / "layer_times_cpu.json").read_text())["milliseconds"]
    benchmark("depth_table").write_figure(tmp_path / "drawn.svg", records, times)
    assert (tmp_path / "drawn.svg").read_bytes() == (ROOT / "docs" / "assets" / "depths.svg").read_bytes()


def test_the_questions_of_the_generative_reader_are_short_and_have_few_distractors_but_in_the_test_split():
    data = benchmark("rag_data")

    def asked(number, answer="w3", evidence=2):
        texts = [" ".join(f"w{word}" for word in range(place, place + 20)) for place in range(10)]
        segments = tuple(Segment(text, None, place < evidence) for place, text in enumerate(texts))
        return Question(f"q{number}", "Which?", segments, (answer,))

    rows = list(data.shortened([*map(asked, range(110)), asked(110, "w15"), asked(111, "no"), asked(112, evidence=3)]))
    assert [row["id"] for row in rows] == [f"q{number}" for number in range(110)]
    assert all(len(segment["text"].split()) == 12 for row in rows for segment in row["segments"])
    found = data.splits(rows)
    assert {name: (len(of), len(of[0]["segments"])) for name, of in found.items()} == {
        "train": (2, 5),
        "validation": (8, 5),
        "test": (100, 10),
    }


def test_the_records_of_tasks_are_those_of_their_recipes():
    found = sorted((ROOT / "results" / "tasks").glob("*/*/seed-0/record.json"))
    assert found
    for path in found:
        record = json.loads(path.read_text(encoding="utf-8"))
        options, settings = all_recipes()[f"tasks/{path.parents[2].name}"].options, record["settings"]
        assert not record["predictions"]
        assert settings["training"]["max_steps"] == options["max_steps"]
        assert settings["training"]["per_device_train_batch_size"] == options["per_device_train_batch_size"]
        assert (settings["max_length"], settings.get("few_shot")) == (options["max_length"], options.get("few_shot"))
        assert settings.get("freeze") == options.get("freeze")
        assert (
            options.get("learning_rate", settings["training"]["learning_rate"]) == settings["training"]["learning_rate"]
        )
