"""Models on disk and a working directory for the commands."""

import json
import signal

import pytest
from transformers.utils import logging

from cmploss.cli.main import main
from cmploss.models import load_tokenizer, new_classifier
from cmploss.training.callbacks import StepProgress
from tests.local_model import NO_DROPOUT, csv_of, reviews, save_encoder


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """A folder with an encoder with and without dropout, a classifier of bad and good, and a regressor."""
    folder = tmp_path_factory.mktemp("models")
    encoder = save_encoder(folder / "encoder")
    save_encoder(folder / "undropped", **NO_DROPOUT)
    logging.disable_progress_bar()
    for name, labels in [("classifier", ("bad", "good")), ("regressor", ())]:
        new_classifier(encoder, labels, seed=0).save_pretrained(folder / name)
        load_tokenizer(encoder).save_pretrained(folder / name)
    return folder


@pytest.fixture
def workplace(tmp_path, monkeypatch, models):
    """An empty working directory with ``train.csv``, 20 reviews, and the models under ``models``."""
    (tmp_path / "models").symlink_to(models)
    (tmp_path / "train.csv").write_text(csv_of(reviews(20)))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def cmploss(workplace, capsys):
    """Runs a command in ``workplace``: its exit status, standard output and standard error."""

    def run(command):
        status = main(command.split())
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def contents(workplace):
    """The bytes of every file in ``workplace``, and its folders, by relative path."""

    def read():
        paths = sorted(workplace.rglob("*"))
        return {str(path.relative_to(workplace)): path.read_bytes() if path.is_file() else b"" for path in paths}

    return read


@pytest.fixture
def settings_of(workplace):
    """The settings that a run wrote into its folder."""
    return lambda folder: json.loads((workplace / folder / "settings.json").read_text())


@pytest.fixture
def refused(cmploss, contents):
    """Runs a command that must be refused: exits 2, one line with these words, nothing written or changed."""

    def check(command, words):
        before = contents()
        status, _, error = cmploss(command)
        assert status == 2, error
        assert error.startswith("error: ")
        assert error.count("\n") == 1, error
        assert error.endswith("\n")
        assert "Traceback" not in error
        assert [word for word in words if word not in error] == [], error
        assert contents() == before
        return True

    return check


@pytest.fixture
def signal_at(monkeypatch):
    """Sends a signal to this process once, after so many steps; Ctrl-C by default."""

    def arm(steps, number=signal.SIGINT):
        done = iter(range(1, 1000))
        step_end = StepProgress.on_step_end

        def pressed(self, *args, **options):
            step_end(self, *args, **options)
            if next(done) == steps:
                signal.raise_signal(number)

        monkeypatch.setattr(StepProgress, "on_step_end", pressed)

    return arm
