"""A task that is written outside of the package: a plain torch model in a comparison."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from cmploss.errors import UserError
from cmploss.experiment import Score
from cmploss.experiment.spec import ObjectiveSpec
from cmploss.studies import RunConfig, compare
from cmploss.studies.run_notes import notes_on
from cmploss.tasks.base import LearningTask, Results, splits_to_score


class Circle(nn.Module):
    """Logits for points of the plane."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Dropout(0.1), nn.Linear(16, 2))

    def forward(self, points, labels=None):
        return {"logits": self.layers(points)}


class CircleTask(LearningTask):
    """Whether a point is inside of a circle."""

    name, measures = "circle", ("accuracy",)

    def __init__(self, sizes=(64, 16, 32)):
        self.sizes = dict(zip(("train", "validation", "test"), sizes, strict=True))
        generator = torch.Generator().manual_seed(0)
        points = torch.rand(sum(sizes), 2, generator=generator) * 2 - 1
        rows = [{"points": point, "labels": (point.norm() < 0.8).long()} for point in points]
        ends = np.cumsum(sizes)
        self.rows = {split: rows[end - size : end] for (split, size), end in zip(self.sizes.items(), ends, strict=True)}

    def fingerprints(self):
        return dict.fromkeys(self.sizes, "seed 0")

    def new_model(self, seed, start=None):
        torch.manual_seed(seed)
        return Circle()

    def train(self, sample, crops=0):
        return self.rows["train"][: sample.size]

    def collator(self, model):
        return lambda rows: {name: torch.stack([row[name] for row in rows]) for name in rows[0]}

    def task_loss(self):
        return lambda outputs, labels: F.cross_entropy(outputs["logits"], labels["labels"], reduction="none")

    def results(self, model, batch_size, submodels):
        scores, predictions = [], {}
        for split in splits_to_score(self):
            batch = self.collator(model)(self.rows[split])
            with torch.no_grad():
                found = model.eval()(batch["points"])["logits"].argmax(-1)
            scores += Score.of(split, {"accuracy": 100 * (found == batch["labels"]).float().mean().item()})
            predictions[split] = {"labels": batch["labels"].tolist(), "predictions": found.tolist()}
        return Results(scores, predictions)

    def save(self, model, folder, record):
        folder.mkdir(parents=True)
        torch.save(model.state_dict(), folder / "weights.pt")


OPTIONS = {"seeds": 2, "max_steps": 30, "use_cpu": True, "learning_rate": 0.05, "warmup_steps": 0}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    return compare(
        task=CircleTask(),
        objectives="supervised,comparative",
        dropout_power="0,1",
        output_dir=str(folder / "circle"),
        **OPTIONS,
    )


def test_its_runs_have_records_and_a_table(study):
    assert study.failures() == {}
    assert [row.n for row in study.table().rows] == [2, 2]
    assert study.table().benchmark.measure == "accuracy"
    assert {record.data["label_names"] == [] for record in study.records()} == {True}
    accuracies = [np.mean(np.equal(*record.predictions["test"].values())) for record in study.records()]
    assert min(accuracies) > 0.6  # two of three points are inside or outside by chance alone


def test_the_best_checkpoint_and_the_page_are_written(study):
    weights = torch.load(study.folder / "best/weights.pt")
    Circle().load_state_dict(weights)
    assert (study.folder / "report.html").exists()


def test_what_a_task_does_not_offer_is_refused(tmp_path):
    for option, message in (
        ({"balanced_test": 10}, "--balanced_test is for texts with classes, and circle has none"),
        ({"embeddings": True}, "--embeddings needs classes, and circle has none"),
        ({"noise": "label:0.1"}, "--noise label:0.1 is for texts with labels; leave it out for circle"),
        ({"model": "a", "objectives": "supervised"}, "makes its own model and inputs; leave out model"),
        ({"max_length": 9}, "makes its own model and inputs; leave out max_length"),
        ({"train_file": "a.csv"}, "a task of your own has its own data"),
    ):
        with pytest.raises(UserError, match=message):
            compare(task=CircleTask(), output_dir=str(tmp_path / "study"), **OPTIONS, **option)
        assert not (tmp_path / "study").exists()


def test_the_notes_need_no_model_of_transformers(monkeypatch):
    """The default model may be out of reach, and the name of a task's model need not be one."""
    task = CircleTask()
    for task.model in ("", "my net"):
        assert notes_on(RunConfig(ObjectiveSpec.parse("comparative")), task) == ()


def test_a_name_is_still_a_name():
    with pytest.raises(UserError, match=r"--task 'circles' is unknown"):
        compare(task="circles")


class Bare(Circle):
    """Logits without a name."""

    def forward(self, points, labels=None):
        return self.layers(points)


class BareTask(CircleTask):
    def new_model(self, seed, start=None):
        torch.manual_seed(seed)
        return Bare()

    def task_loss(self):
        return lambda outputs, labels: F.cross_entropy(outputs, labels["labels"], reduction="none")

    def results(self, model, batch_size, submodels):
        return Results([Score.of(split, {"accuracy": 50.0})[0] for split in splits_to_score(self)], {})


def test_outputs_need_no_names(tmp_path):
    study = compare(
        task=BareTask(),
        objectives="supervised,comparative",
        output_dir=str(tmp_path / "bare"),
        **OPTIONS | {"seeds": 1},
    )
    assert study.failures() == {}
    assert len(study.records()) == 2


@pytest.mark.parametrize("objective", ["supervised", "comparative"])
@pytest.mark.parametrize("size", ["mean", 4])
def test_a_task_loss_of_another_shape_is_refused_before_training(objective, size, tmp_path):
    class Wrong(CircleTask):
        def task_loss(self):
            of = super().task_loss()
            return lambda *given: of(*given).mean() if size == "mean" else of(*given).repeat(size)

    with pytest.raises(UserError, match=r"task_loss must return one loss for each of \d+ examples; got the shape"):
        compare(task=Wrong(), objectives=objective, output_dir=str(tmp_path / "wrong"), **OPTIONS)
