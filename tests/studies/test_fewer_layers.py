"""A trained model with fewer layers: cut to a checkpoint, in predictions, and with early exit."""

import csv

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification

from cmploss.ablation.depths import layer_stack
from cmploss.ablation.exit_heads import add_exit_heads, exit_depths, exit_head, take_exit_heads, write_exit_heads
from cmploss.cli.main import main
from cmploss.errors import UserError
from cmploss.models import load_classifier, load_tokenizer, new_classifier, save_model
from cmploss.studies.cutting import cut, load_trained
from cmploss.tasks.text import encode
from cmploss.tasks.text.classify import predict
from cmploss.tasks.text.early_exit import predict_early
from tests.local_model import reviews, save_encoder
from tests.tiny import model_of

LAYERS = 4
TEXTS = [row["text"] for row in reviews(24)]


@pytest.fixture(scope="module", params=["head", "mean", "own heads"])
def trained(request, tmp_path_factory):
    """The folder of a classifier of four layers, in which every layer matters."""
    folder = tmp_path_factory.mktemp("trained")
    encoder = save_encoder(folder / "encoder", num_hidden_layers=LAYERS)
    model = new_classifier(encoder, ["bad", "good"], seed=0, pooling="mean" if request.param == "mean" else "head")
    if request.param == "own heads":
        add_exit_heads(model, (2, 1))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.15 * torch.randn(parameter.shape, generator=generator))
    save_model(model, load_tokenizer(encoder), folder / "model", "")
    return str(folder / "model")


@pytest.fixture
def texts(tmp_path):
    path = tmp_path / "texts.csv"
    path.write_text("\n".join(["text", *TEXTS]))
    return path


def encoded(folder):
    from datasets import Dataset

    return encode(Dataset.from_dict({"text": TEXTS}), load_tokenizer(folder), 16)


def logits_at(folder, layers):
    return predict(load_classifier(folder), load_tokenizer(folder), encoded(folder), layers=layers).outputs


def test_a_cut_model_has_the_logits_of_the_whole_one_at_that_depth(trained, tmp_path):
    before, after = cut(trained, 2, tmp_path / "small")
    small = load_classifier(str(tmp_path / "small"))
    assert small.config.num_hidden_layers == len(layer_stack(small).layers) == 2
    assert exit_depths(small) == []
    assert after == sum(p.numel() for p in small.parameters()) < before
    found = logits_at(str(tmp_path / "small"), None)
    assert np.abs(found - logits_at(trained, 2)).max() < 1e-6
    assert np.abs(found - logits_at(trained, None)).max() > 1e-2


def test_a_cut_model_loads_with_transformers_alone(trained, tmp_path):
    if hasattr(load_classifier(trained), "pooling"):
        pytest.skip("a cross-encoder of sentence-transformers; see tests/pooled")
    cut(trained, 2, tmp_path / "small")
    for folder, layers in ((tmp_path / "small", None), (trained, LAYERS)):
        plain, report = AutoModelForSequenceClassification.from_pretrained(folder, output_loading_info=True)
        assert not any(report[name] for name in ("missing_keys", "unexpected_keys", "mismatched_keys"))
        batch = load_tokenizer(trained)(TEXTS, return_tensors="pt", padding=True, truncation=True, max_length=16)
        found = plain.eval()(**batch).logits.detach().numpy()
        assert np.abs(found - logits_at(str(folder), layers)).max() < 1e-5


def test_own_heads_are_saved_and_used_at_their_depth(trained):
    model = load_classifier(trained)
    own = exit_depths(model)
    head = model.classifier.weight.clone()
    with layer_stack(model).segment(2):
        assert torch.equal(model.classifier.weight, head) == (own == [])
    assert own in ([], [2, 1])
    assert torch.equal(model.classifier.weight, head)


@pytest.mark.parametrize("batch_size", [None, 5])
def test_early_exit_by_a_loop(trained, batch_size):
    model, tokenizer, data = load_classifier(trained), load_tokenizer(trained), encoded(trained)
    each = {layers: logits_at(trained, layers) for layers in (1, 2, LAYERS)}
    chances = {layers: torch.tensor(logits).softmax(-1).amax(-1).numpy() for layers, logits in each.items()}
    confidence = float(np.median(chances[1]))
    rows = []
    layer_stack(model).layers[1].register_forward_hook(lambda _, given, output: rows.append(len(given[0])))
    found = predict_early(model, tokenizer, data, (2, 1), confidence, batch_size=batch_size)
    for row in range(len(TEXTS)):
        layers = next((k for k in (1, 2) if chances[k][row] >= confidence), LAYERS)
        assert found.layers[row] == layers
        assert np.abs(found.predictions.outputs[row] - each[layers][row]).max() < 1e-5
    assert sum(rows) == (found.layers > 1).sum()  # the second layer ran for the others alone
    assert 0 < sum(rows) < len(TEXTS)


def test_predictions_with_fewer_layers_are_those_of_the_cut_model(trained, texts, tmp_path, capsys):
    assert main(["cut", trained, "--layers", "2", "--output_dir", str(tmp_path / "small")]) == 0
    assert "2 layers in" in capsys.readouterr().out
    given = ["predict", "--test_file", str(texts), "--output_file"]
    assert main([*given, str(tmp_path / "a.csv"), "--model", trained, "--layers", "2"]) == 0
    assert main([*given, str(tmp_path / "b.csv"), "--model", str(tmp_path / "small")]) == 0
    assert (tmp_path / "a.csv").read_text() == (tmp_path / "b.csv").read_text()
    assert main([*given, str(tmp_path / "c.csv"), "--model", trained, "--layers", "2,1", "--exit", "0.6"]) == 0
    rows = list(csv.DictReader((tmp_path / "c.csv").open()))
    assert {row["layers"] for row in rows} <= {"1", "2", "4"}
    assert "ms per text" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("predict --layers 4,2", "give one number, or --exit 0.9 too"),
        ("predict --exit 0.9", "--exit must be a probability above 0, with --layers"),
        ("predict --exit 2 --layers 2", "--exit must be a probability above 0"),
        ("predict --exit 0.9 --layers 9", "--layers: layers=9 must be from 1 to 3; the model has 4 layers"),
        ("predict --layers 9", "--layers 9: layers=9 must be from 1 to 4"),
        ("cut --layers 9 --output_dir small", "--layers 9: layers=9 must be from 1 to 4"),
        ("cut --output_dir small", "--layers is missing; usage: cmploss cut MODEL"),
    ],
)
def test_refusals_write_nothing(words, message, trained, texts, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    name, *options = words.split()
    options += ["--model", trained, *(["--test_file", str(texts)] if name == "predict" else [])]
    before = sorted(tmp_path.iterdir())
    assert main([name, *options]) == 2
    assert message in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == before


def test_any_head_can_be_cut():
    with pytest.raises(UserError, match="model no-such/model"):
        load_trained("no-such/model")


def test_a_run_that_continues_takes_the_heads_of_its_depths(tmp_path, caplog):
    """As with --init_from_study and --exit_heads own."""
    earlier = model_of()
    add_exit_heads(earlier, (1,))
    with torch.no_grad():
        exit_head(earlier, 1)["classifier"].weight += 1.0
    write_exit_heads(earlier, tmp_path)
    for depths, taken in (((1,), True), ((2, 1), False), ((), False)):
        model = model_of()
        add_exit_heads(model, depths)
        caplog.clear()
        take_exit_heads(model, tmp_path)
        assert exit_depths(model) == list(depths)
        found = exit_head(model, 1)["classifier"].weight if depths else None
        assert (found is not None and torch.equal(found, exit_head(earlier, 1)["classifier"].weight)) == taken
        assert ("has heads of other depths or classes" in caplog.text) == (depths == (2, 1))
    take_exit_heads(model, tmp_path / "nowhere")  # nothing to take
