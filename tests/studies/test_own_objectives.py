"""A user's own objectives in the main job: checks, records, tables, report and refusals."""

import hashlib
import json
import shlex
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from cmploss import CmpDrop, Supervised, compare, primary_loss
from cmploss.ablation import variants_of
from cmploss.cli.main import main
from cmploss.errors import UserError
from cmploss.objectives import ObjectiveOutput, objective_output
from tests.local_model import reviews

OPTIONS = {"seeds": 2, "max_steps": 10, "max_length": 16, "use_cpu": True}

MODULE = """
from dataclasses import dataclass

from cmploss.ablation import Variant
from cmploss.objectives import objective_output


@dataclass(frozen=True)
class Cubed:
    power: int = 3
    variants: tuple = (Variant(None),)

    def __call__(self, model, batch, task_loss=None):
        return objective_output(model, batch, task_loss, variants=self.variants, combine=self.combine)

    def combine(self, losses):
        return losses.pow(self.power).mean()
"""


@dataclass(frozen=True)
class MeanWithRanking:
    """The mean task loss of three passes, and a penalty wherever a submodel has a smaller loss than a fuller one."""

    weight: float = 1.0
    variants: tuple = variants_of(CmpDrop(2))

    def __call__(self, model, batch, task_loss=None):
        return objective_output(model, batch, task_loss, variants=self.variants, combine=self.combine)

    def combine(self, losses):
        return primary_loss(losses, primary="mean", ranking_weight=self.weight)


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A working directory with a module of its own and a file of texts."""
    (tmp_path / "cubed.py").write_text(MODULE)
    rows = reviews(60)
    (tmp_path / "reviews.jsonl").write_text("\n".join(map(json.dumps, rows)))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    sys.modules.pop("cubed", None)


def test_own_objects_beside_names(encoder, work):
    objectives = {"supervised": "supervised", "mine": MeanWithRanking(0.5), "wide": "comparative(n_drop=2)"}
    study = compare(reviews(60), objectives=objectives, model=encoder, output_dir=work / "study", **OPTIONS)
    assert [row.objective for row in study.table().rows] == ["supervised", "mine", "wide"]
    entries = {record.name: record.objective for record in study.records()}
    assert entries["wide"]["kind"] == "comparative"
    mine = entries["mine"]
    assert mine["kind"] == "tests.studies.test_own_objectives:MeanWithRanking"
    assert mine["settings"]["weight"] == 0.5
    assert mine["source"]["file"] == "test_own_objectives.py"
    assert mine["source"]["sha256"] == hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    passes = {record.name: record.cost["passes_per_step"] for record in study.records()}
    assert passes == {"supervised": 1, "mine": 3, "wide": 3}
    page = (work / "study" / "report.html").read_text()
    assert "mine" in page
    assert "report.md" in {path.name for path in (work / "study").iterdir()}
    again = compare(reviews(60), objectives=objectives, model=encoder, output_dir=work / "study", **OPTIONS)
    assert [record.created for record in again.records()] == [record.created for record in study.records()]
    other = objectives | {"mine": MeanWithRanking(2.0)}
    with pytest.raises(UserError, match=r"its objective\.settings\.weight is 0\.5, not 2\.0"):
        compare(reviews(60), objectives=other, model=encoder, output_dir=work / "study", **OPTIONS)


def test_an_import_path_on_the_command_line_is_the_object_in_python(encoder, work, capsys):
    line = f"compare --train_file reviews.jsonl --objectives supervised,cubed:Cubed(power=2) --model {encoder} "
    assert main(shlex.split(f"{line} --output_dir cli --seeds 1 --max_steps 10 --max_length 16 --use_cpu true")) == 0
    assert "cubed:Cubed(power=2)" in capsys.readouterr().out
    folder = work / "cli" / "cubed-Cubed-power=2" / "seed-0"
    record = json.loads((folder / "record.json").read_text())
    assert record["settings"]["objective"]["source"]["sha256"] == hashlib.sha256(MODULE.encode()).hexdigest()
    from cubed import Cubed

    study = compare(
        reviews(60),
        objectives=["supervised", Cubed(2)],
        model=encoder,
        output_dir=work / "python",
        **{**OPTIONS, "seeds": 1},
    )
    assert study.objectives == ("supervised", "Cubed(power=2)")
    found = json.loads((work / "python" / "Cubed-power=2" / "seed-0" / "record.json").read_text())
    assert found["settings"]["objective"]["settings"] == record["settings"]["objective"]["settings"]
    losses = [[point["loss"] for point in each["history"] if "loss" in point] for each in (found, record)]
    assert losses[0] == losses[1]
    assert losses[0]


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        (lambda model, batch, task_loss=None: 3.0, "objective mine: AttributeError: 'float' object has no attribute"),
        (lambda model: 3.0, "objective mine: TypeError: .*; it must return an ObjectiveOutput for"),
        (
            lambda model, batch, task_loss=None: ObjectiveOutput(model(**batch).logits),
            r"its loss must be a scalar tensor, got the shape \(16, 2\)",
        ),
    ],
)
def test_a_faulty_objective_is_refused_before_anything_is_written(encoder, work, objective, message):
    with pytest.raises(UserError, match=message) as caught:
        compare(reviews(60), objectives={"mine": objective}, model=encoder, output_dir=work / "study", **OPTIONS)
    assert "\n" not in str(caught.value)
    assert not (work / "study").exists()


def test_no_run_has_the_state_that_another_run_or_the_check_left(encoder, work):
    class Counting:
        def __init__(self):
            self.calls = 0

        def __call__(self, model, batch, task_loss=None):
            self.calls += 1
            output = Supervised()(model, batch, task_loss)
            return replace(output, loss=output.loss * 0 + self.calls)

    mine = Counting()
    options = {"model": encoder, "output_dir": work / "study", **OPTIONS, "max_steps": 3, "logging_steps": 1}
    study = compare(reviews(60), objectives={"mine": mine}, **options)
    losses = [[each["loss"] for each in record.history if "loss" in each] for record in study.records()]
    assert losses == [[1.0, 2.0, 3.0]] * 2
    assert mine.calls == 0


def test_objects_that_other_processes_cannot_import_are_refused_with_jobs(encoder, work):
    objectives = {"supervised": "supervised", "mine": lambda model, batch, task_loss=None: None}
    with pytest.raises(UserError, match=r"--jobs 2: other processes cannot import mine \(.*<lambda>\); define it in"):
        compare(reviews(60), objectives=objectives, model=encoder, output_dir=work / "study", jobs=2, **OPTIONS)
    assert not (work / "study").exists()


def test_other_processes_import_an_objective_by_its_path(encoder, work):
    objectives = {"supervised": "supervised", "mine": "cubed:Cubed(power=2)"}
    options = {"model": encoder, "objectives": objectives, **OPTIONS, "seeds": 1}
    one, two = (compare(reviews(60), output_dir=work / str(jobs), jobs=jobs, **options) for jobs in (1, 2))
    assert two.failures() == {}
    found, expected = ({record.name: record for record in study.records()} for study in (two, one))
    assert found["mine"].objective == expected["mine"].objective
    assert found["mine"].predictions == expected["mine"].predictions


@pytest.mark.parametrize("name", ["lol", "feedback", "comparative+lol", "lol(weight=0)+rdrop"])
def test_lol_is_refused_on_texts(encoder, work, name):
    message = "cannot be added" if name.startswith("comparative") else r"needs --task prf"
    with pytest.raises(UserError, match=message):
        compare(reviews(60), objectives=["supervised", name], model=encoder, output_dir=work / "study", **OPTIONS)
    assert not (work / "study").exists()
