"""Every script in examples/ and the notebook run on a tiny model, and they print what they promise."""

import json
import re
import runpy
import sys

import pytest

from tests.docs.pages import ROOT
from tests.local_model import save_encoder, state_pooling

NOTEBOOK = ROOT / "examples" / "quickstart.ipynb"
NUMBER = r"\d+\.\d+"
PROMISES = {
    "custom_objective": r"\| mine( †)? \| .* \(2\) ",
    "custom_task_loss": rf"'loss_drop1': .*held-out focal loss {NUMBER}, accuracy {NUMBER}\n$",
    "plain_loop": rf"step 8: loss .*loss_drop2 .*step 16: loss .*held-out accuracy {NUMBER}\n$",
    "compare_dataframe": r"\| comparative( †)? \| .* \(2\) .*Too few shared seeds.* -> \w+\n$",
}


def run_example(name, model, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [f"{name}.py", str(model)])
    runpy.run_path(str(ROOT / "examples" / f"{name}.py"), run_name="__main__")
    return capsys.readouterr().out


def test_every_example_has_a_promise():
    assert {path.stem for path in (ROOT / "examples").glob("*.py")} == set(PROMISES)


@pytest.mark.parametrize("name", PROMISES)
def test_example(name, encoder, tiny_world, monkeypatch, capsys):
    printed = run_example(name, encoder, monkeypatch, capsys)
    assert re.search(PROMISES[name], printed, flags=re.DOTALL), printed


@pytest.mark.parametrize("name", PROMISES)
def test_examples_are_short_and_say_how_to_run_them(name):
    lines = (ROOT / "examples" / f"{name}.py").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 60
    assert f"python examples/{name}.py [MODEL]" in lines


def test_the_focal_loss_of_the_example_by_hand(monkeypatch):
    """p = (1/4, 3/4) for logits (0, ln 3): (1 − p)² · −ln p of the right class."""
    from math import log
    from types import SimpleNamespace

    import torch

    focal = runpy.run_path(str(ROOT / "examples" / "custom_task_loss.py"))["focal_losses"]
    outputs = SimpleNamespace(logits=torch.tensor([[0.0, log(3)], [0.0, log(3)]]))
    found = focal(outputs, {"labels": torch.tensor([1, 0])})
    assert found.tolist() == pytest.approx([(1 / 4) ** 2 * -log(3 / 4), (3 / 4) ** 2 * -log(1 / 4)])


def printed_by(cells):
    """What each code cell printed."""
    printed = [cell["outputs"] for cell in cells if cell["cell_type"] == "code"]
    return ["".join("".join(output.get("text", [])) for output in outputs) for outputs in printed]


def check_notebook(cells):
    table, model, mine = printed_by(cells)[2:]
    assert "| comparative" in table
    assert "Too few shared seeds" not in table  # three seeds have a test
    assert model.startswith("sentence_transformers.CrossEncoder\n")
    assert "mine" in mine


def test_the_stored_outputs_are_of_a_whole_run():
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    numbers = [cell["execution_count"] for cell in cells if cell["cell_type"] == "code"]
    assert numbers == list(range(1, len(numbers) + 1))
    assert [output for cell in cells for output in cell.get("outputs", []) if output["output_type"] != "stream"] == []
    check_notebook(cells)


SMALLER = {
    '"max_steps": 8': '"max_steps": 2, "model": "MODEL"',
    'split}.csv")': 'split}.csv").groupby("label").head(3)',
    "test.sample(100": "test.sample(24",
}
"""Sizes of the notebook, and those of its test."""


def test_the_notebook_runs(tmp_path):
    nbformat = pytest.importorskip("nbformat", reason="no nbformat: pip install cmploss[notebook]")
    pytest.importorskip("ipykernel")
    from nbclient import NotebookClient

    model = state_pooling(save_encoder(tmp_path / "model"), "mean")
    text = NOTEBOOK.read_text(encoding="utf-8")
    for size, smaller in SMALLER.items():
        assert text.count(json.dumps(size)[1:-1]) == 1
        text = text.replace(json.dumps(size)[1:-1], json.dumps(smaller.replace("MODEL", model))[1:-1])
    notebook = nbformat.reads(text, as_version=4)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    check_notebook(json.loads(nbformat.writes(notebook))["cells"])
