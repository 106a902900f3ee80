"""Every script in examples/ runs on a tiny model and prints what it promises."""

import re
import runpy
import sys

import pytest

from tests.docs.pages import ROOT

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
