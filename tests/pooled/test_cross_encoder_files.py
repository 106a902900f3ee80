"""The folder of a classifier that pools: it loads here and in sentence-transformers, with the same probabilities."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer
from transformers.utils import logging

from cmploss.pooled.cross_encoder_files import is_cross_encoder, load_pooled, new_pooled, save_pooled, stated_pooling
from cmploss.reports.html.best_view import loading_code
from tests.local_model import save_encoder

TEXTS = ["the lamp is lovely", "so very broken and dead my new door hub is slow", "quick"]
PAIRS = [("the lamp is lovely", "broken"), ("my new door", "is so very slow and noisy the hub is"), ("quick", "dead")]
LENGTH = 6  # tokens: some texts and pairs are cut

# Runs where cmploss cannot be imported.
SCRIPT = """
import json, sys
sys.modules["cmploss"] = None
from sentence_transformers import CrossEncoder
found = {}
for folder, inputs in json.load(sys.stdin).items():
    model = CrossEncoder(folder, device="cpu")
    texts = [model.predict(text, apply_softmax=True).tolist() for text in inputs["texts"]]  # a list would be a pair
    pairs = model.predict(inputs["pairs"], apply_softmax=True).tolist()
    labels = model.model.config.id2label
    found[folder] = {"texts": texts, "pairs": pairs, "length": model.max_seq_length, "labels": labels}
json.dump(found, open(sys.argv[1], "w"))
"""


@pytest.fixture(autouse=True)
def quiet():
    logging.disable_progress_bar()


def saved(folder, pooling, **options):
    source = save_encoder(folder / "encoder")
    torch.manual_seed(1)
    model = new_pooled(source, pooling, **options).eval()
    torch.nn.init.normal_(model.classifier.weight)
    torch.nn.init.normal_(model.classifier.bias)
    tokenizer = AutoTokenizer.from_pretrained(source)
    tokenizer.model_max_length = LENGTH
    save_pooled(model, folder / pooling)
    tokenizer.save_pretrained(folder / pooling)
    return model, tokenizer, folder / pooling


def outputs_of(model, tokenizer, rows):
    texts = [list(each) for each in zip(*rows, strict=True)] if isinstance(rows[0], tuple) else [rows]
    batch = tokenizer(*texts, truncation=True, max_length=LENGTH, padding=True, return_tensors="pt")
    with torch.no_grad():
        return model(**batch).logits.double()


LABELS = {"id2label": {0: "bad", 1: "good", 2: "odd"}, "label2id": {"bad": 0, "good": 1, "odd": 2}}
KINDS = [("mean", LABELS), ("cls", LABELS), ("mean", {"id2label": {0: "LABEL_0"}, "problem_type": "regression"})]


@pytest.mark.skipif(find_spec("sentence_transformers") is None, reason="sentence-transformers is not installed")
def test_a_process_without_cmploss_predicts_the_same(tmp_path):
    cases, inputs = {}, {}
    for number, (pooling, options) in enumerate(KINDS):
        model, tokenizer, folder = saved(tmp_path / str(number), pooling, **options)
        cases[str(folder)] = model, tokenizer
        inputs[str(folder)] = {"texts": TEXTS, "pairs": PAIRS}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "found.json")],
        input=json.dumps(inputs),
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    for folder, found in json.loads((tmp_path / "found.json").read_text()).items():
        model, tokenizer = cases[folder]
        assert found["length"] == LENGTH
        for kind, rows in (("texts", TEXTS), ("pairs", PAIRS)):
            logits = outputs_of(model, tokenizer, rows)
            expected = logits.softmax(-1) if logits.shape[1] > 1 else logits[:, 0]
            np.testing.assert_allclose(found[kind], expected, atol=1e-6)
            assert np.ptp(np.array(found[kind]), axis=0).max() > 1e-2  # the texts are told apart
        if model.config.num_labels > 1:
            assert found["labels"] == {"0": "bad", "1": "good", "2": "odd"}


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_what_is_saved_loads_here(tmp_path, pooling):
    model, tokenizer, folder = saved(tmp_path, pooling, **LABELS)
    loaded = load_pooled(str(folder))
    assert is_cross_encoder(str(folder))
    assert stated_pooling(str(folder)) == loaded.pooling.mode == pooling
    assert loaded.config.id2label == LABELS["id2label"]
    assert not loaded.training
    torch.testing.assert_close(outputs_of(loaded, tokenizer, TEXTS), outputs_of(model, tokenizer, TEXTS))


def test_a_checkpoint_of_the_trainer_loads_here_too(tmp_path):
    model, tokenizer, _ = saved(tmp_path, "mean", **LABELS)
    model.save_pretrained(tmp_path / "checkpoint-1")
    loaded = load_pooled(str(tmp_path / "checkpoint-1"))
    torch.testing.assert_close(outputs_of(loaded, tokenizer, TEXTS), outputs_of(model, tokenizer, TEXTS))


def test_a_linear_layer_of_the_same_size_is_kept(tmp_path):
    model, _, folder = saved(tmp_path, "mean", **LABELS)
    kept, other = (
        new_pooled(str(folder), "mean", **LABELS),
        new_pooled(str(folder), "mean", id2label={0: "bad", 1: "good"}),
    )
    assert torch.equal(kept.classifier.weight, model.classifier.weight)
    assert torch.equal(kept.encoder.embeddings.word_embeddings.weight, model.encoder.embeddings.word_embeddings.weight)
    assert other.classifier.weight.shape == (2, 16)


def test_a_half_precision_encoder_is_trained_in_float32(tmp_path):
    source = save_encoder(tmp_path / "encoder")
    new_pooled(source, "mean").encoder.to(torch.bfloat16).save_pretrained(source)
    assert {value.dtype for value in new_pooled(source, "mean").parameters()} == {torch.float32}


OLD = {"word_embedding_dimension": 16, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": False}


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"pooling_mode": "mean"}, "mean"),
        ({"pooling_mode": ["cls"]}, "cls"),
        ({"pooling_mode": ["cls", "mean"]}, None),
        ({"pooling_mode": "lasttoken"}, None),
        (OLD | {"pooling_mode_mean_tokens": True}, "mean"),
        (OLD | {"pooling_mode_cls_token": True}, "cls"),
        (OLD | {"pooling_mode_max_tokens": True}, None),
        (OLD | {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True}, None),
    ],
)
def test_the_pooling_that_a_folder_states(tmp_path, config, expected):
    types = ("Transformer", "Pooling", "Normalize")
    modules = [
        {"path": f"{number}_{kind}", "type": f"sentence_transformers.models.{kind}"}
        for number, kind in enumerate(types)
    ]
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling" / "config.json").write_text(json.dumps(config))
    assert stated_pooling(str(tmp_path)) is None
    (tmp_path / "modules.json").write_text(json.dumps(modules))
    assert stated_pooling(str(tmp_path)) == expected
    assert not is_cross_encoder(str(tmp_path))


def test_the_lines_that_the_page_shows_run(tmp_path):
    pytest.importorskip("sentence_transformers")
    *_, folder = saved(tmp_path, "mean", **LABELS)
    names = {}
    exec(
        loading_code("sentence_transformers.CrossEncoder", str(folder)).replace(
            "model.predict", "found = model.predict"
        ),
        names,
    )
    assert names["found"].shape == (3,)
    assert names["found"].sum() == pytest.approx(1)
