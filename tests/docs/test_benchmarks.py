"""Pages and tables of the docs that are made from committed measurements and records are up to date."""

import importlib.util
import json
from pathlib import Path

import pytest

from cmploss.recipes.recipe import published_runs

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


def test_the_figure_of_distractors_is_up_to_date(tmp_path):
    benchmark("doc_figures").draw_distractors(tmp_path / "drawn.svg")
    assert (tmp_path / "drawn.svg").read_bytes() == (ROOT / "docs" / "assets" / "distractors.svg").read_bytes()
