import gc
import shutil
import sys

import pandas as pd
import pytest
import torch
from datasets import disable_progress_bars, enable_progress_bars
from transformers import (
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    TrainingArguments,
)

from cmploss.model_config import DEFAULT_MODEL
from cmploss.model_files import PACKAGED_MODELS
from cmploss.tasks.qa import Question, Segment, Span
from tests.docs.pages import ROOT
from tests.local_model import reviews, save_encoder

LENGTH = 128


@pytest.fixture(scope="session")
def encoder(tmp_path_factory):
    """A tiny encoder that reads texts as long as the default model does."""
    folder = tmp_path_factory.mktemp("encoder")
    save_encoder(folder, max_position_embeddings=LENGTH)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.model_max_length = LENGTH
    tokenizer.save_pretrained(folder)
    gc.freeze()  # the Trainer collects garbage in every run, which takes half a second over all imported modules
    return folder


@pytest.fixture
def tiny_world(encoder, tmp_path, monkeypatch):
    """A fresh working directory, in which the default model is the tiny one and runs are short by default."""
    package = tmp_path / "packages" / "tiny_default_model"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "model").symlink_to(encoder)
    monkeypatch.syspath_prepend(package.parent)
    monkeypatch.setitem(PACKAGED_MODELS, DEFAULT_MODEL, package.name)
    monkeypatch.setattr("cmploss.studies.run_config.LEAST_STEPS", 1)
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "results").symlink_to(ROOT / "results")
    shutil.copy(ROOT / "examples" / "custom_objective.py", folder / "my_module.py")  # what the docs import
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", list(sys.path))  # an import path adds the working directory
    disable_progress_bars()
    yield folder
    enable_progress_bars()


@pytest.fixture
def given(encoder, tiny_world):
    """What the Python blocks of the docs take as given: the names a user of transformers has at hand."""
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    torch.manual_seed(0)
    model = AutoModelForSequenceClassification.from_pretrained(encoder, num_labels=2)
    reader = AutoModelForQuestionAnswering.from_pretrained(encoder, num_labels=2)
    saved = tiny_world / "runs" / "squad-comparative-0"
    for part in (reader, tokenizer):
        part.save_pretrained(saved)
    model.save_pretrained(tiny_world / "runs" / "teacher")
    segments = (Segment("my door is slow", evidence=False), Segment("the lamp is new", evidence=True))
    questions = [Question(f"q{n}", "is the lamp new", segments, ("new",), (Span(5, 12, 15),)) for n in range(8)]
    rows = reviews(24)
    encoded = dict(tokenizer([row["text"] for row in rows], padding="max_length", max_length=16, truncation=True))
    encoded["labels"] = [int(row["label"] == "good") for row in rows]
    examples = [{name: values[index] for name, values in encoded.items()} for index in range(len(rows))]
    return {
        "model": model,
        "tokenizer": tokenizer,
        "args": TrainingArguments("trained", max_steps=2, logging_steps=1, use_cpu=True, disable_tqdm=True),
        "train": examples[:16],
        "dev": examples[16:],
        "inputs": {name: torch.tensor(values[:4]) for name, values in encoded.items() if name != "labels"},
        "tickets": pd.DataFrame(rows),
        "reader": reader,
        "questions": questions,
    }
