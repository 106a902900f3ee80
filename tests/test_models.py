"""Top layers with new weights, frozen parts, data types: which weights change, and which models are refused."""

from types import SimpleNamespace

import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import GPT2Config, GPT2Model, PreTrainedTokenizerFast
from transformers.utils import logging

from cmploss.errors import UserError
from cmploss.experiment.spec import ObjectiveSpec
from cmploss.model_identity import model_identity
from cmploss.models import (
    dtype_of,
    load_classifier,
    load_encoder_with_head,
    load_tokenizer,
    new_classifier,
    new_model,
    save_model,
)
from cmploss.studies.run_config import RunConfig
from cmploss.studies.run_notes import notes_on
from cmploss.training.layers import freeze, reinit_top_layers
from tests.local_model import save_encoder
from tests.tiny import ARCHITECTURES, model_of


def test_a_revision_of_the_hub_is_a_folder_of_files(monkeypatch, tmp_path):
    asked = []

    def download(name, **options):
        asked.append((name, options["revision"]))
        if options["revision"] == "gone":
            raise OSError("no such revision")
        return save_encoder(tmp_path)

    monkeypatch.setattr("cmploss.model_files.snapshot_download", download)
    assert load_tokenizer("org/model@0a1b").model_max_length == 40
    assert set(asked) == {("org/model", "0a1b")}
    assert model_identity("org/model@0a1b") == model_identity(str(tmp_path))
    with pytest.raises(UserError, match="model org/model@gone cannot be loaded: no such revision"):
        load_tokenizer("org/model@gone")


LARGE = [(24, "comparative", 1), (2, "comparative", 0), (24, "no_dropout", 0)]


@pytest.mark.parametrize(("layers", "objective", "proposed"), LARGE)
def test_target_first_is_proposed_for_large_models(tmp_path, layers, objective, proposed):
    model = save_encoder(tmp_path, num_hidden_layers=layers)
    for target, number in (("ultra", proposed), ("first", 0)):
        spec = ObjectiveSpec.parse(objective, {"target": target})
        notes = notes_on(RunConfig(spec), SimpleNamespace(model=model))
        assert [f"models as large as {model} have --target first" in note for note in notes] == [True] * number


def changed(model, before):
    return {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}


def trained(architecture="Bert", **config):
    """A model with weights as if trained, marked as loaded, as ``from_pretrained`` leaves them."""
    model = model_of(architecture, **config)
    for parameter in model.parameters():
        torch.nn.init.uniform_(parameter, 2.0, 3.0)
        parameter._is_hf_initialized = True
    return model, {name: value.clone() for name, value in model.state_dict().items()}


@pytest.mark.parametrize("architecture", [name for name in ARCHITECTURES if name != "Albert"])
def test_the_top_layer_is_new_and_the_others_are_not(architecture):
    model, before = trained(architecture)
    reinit_top_layers(model, 1)
    names = changed(model, before)
    layers = {name.partition("layer")[2].split(".")[1] for name in names if "layer" in name}
    assert layers == {"1"}
    inside = [name for name in before if ".1." in name and "layer" in name]
    assert set(inside) <= names
    assert not any("embed" in name or name.startswith("classifier") for name in names)
    weights = [value for name, value in model.state_dict().items() if name in names and value.dim() == 2]
    assert all(0.005 < value.std() < 0.05 for value in weights)  # drawn with standard deviation 0.02


def test_the_pooler_is_new_too():
    model, before = trained()
    reinit_top_layers(model, 2)
    names = changed(model, before)
    assert {"bert.pooler.dense.weight", "bert.pooler.dense.bias"} <= names
    assert len({name.split(".")[3] for name in names if "layer" in name}) == 2
    assert torch.equal(model.bert.encoder.layer[0].output.LayerNorm.weight, torch.ones(16))


def test_weights_are_float32_whatever_the_checkpoint_stores(tmp_path):
    model_of().bfloat16().save_pretrained(tmp_path / "half")
    for model in (
        new_classifier(str(tmp_path / "half"), ["a", "b", "c"], seed=0),
        load_classifier(str(tmp_path / "half")),
        new_model(str(tmp_path / "half"), "QuestionAnswering", seed=0, num_labels=2),
        load_encoder_with_head(str(tmp_path / "half"))[0],
    ):
        assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
        assert dtype_of(model) == "float32"
    assert dtype_of(model_of().bfloat16()) == "bfloat16"


@pytest.mark.parametrize("pooling", ["head", "mean"])
def test_the_files_of_a_saved_model_can_be_read_by_whoever_can_read_new_files(pooling, tmp_path):
    encoder = str(save_encoder(tmp_path / "encoder"))
    model = new_classifier(encoder, ["a", "b"], seed=0, pooling=pooling)
    save_model(model, load_tokenizer(encoder), tmp_path / "saved", "A card.")
    (tmp_path / "saved" / "new.txt").touch()
    assert any(path.suffix == ".safetensors" for path in (tmp_path / "saved").iterdir())
    assert len({path.stat().st_mode for path in (tmp_path / "saved").rglob("*") if path.is_file()}) == 1


def test_a_model_without_a_padding_token_pads_with_its_end_token(tmp_path):
    vocabulary = {"<|endoftext|>": 0, "good": 1, "bad": 2}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="<|endoftext|>"))
    tokenizer.pre_tokenizer = Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|endoftext|>").save_pretrained(tmp_path)
    shape = {"vocab_size": 3, "n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 16, "initializer_range": 0.5}
    GPT2Model(GPT2Config(**shape, bos_token_id=0, eos_token_id=0)).save_pretrained(tmp_path)
    model = new_classifier(str(tmp_path), ["a", "b"], seed=0).eval()
    texts = load_tokenizer(str(tmp_path))(["good bad good", "bad"], padding=True, return_tensors="pt")
    assert texts["input_ids"].tolist() == [[1, 2, 1], [2, 0, 0]]
    logits = model(**texts).logits
    alone = model(input_ids=torch.tensor([[2]])).logits  # the head reads the last token of the text
    torch.testing.assert_close(logits[1:], alone)


def test_none_is_none():
    model, before = trained()
    reinit_top_layers(model, 0)
    assert changed(model, before) == set()


def test_a_loaded_model_gets_new_weights_that_depend_on_the_seed_alone(tmp_path):
    logging.disable_progress_bar()
    folder = save_encoder(tmp_path / "encoder")

    def states(seed, layers):
        torch.rand(5)
        model = new_classifier(folder, ("a", "b"), seed=seed)
        reinit_top_layers(model, layers)
        return model.state_dict()

    plain, again, other, first = states(0, 0), states(0, 1), states(1, 1), states(0, 1)
    top, bottom = (f"bert.encoder.layer.{number}.output.dense.weight" for number in (1, 0))
    assert torch.equal(again[top], first[top])
    assert not torch.equal(again[top], plain[top])
    assert not torch.equal(again[top], other[top])
    assert torch.equal(again[bottom], plain[bottom])
    assert torch.equal(again["classifier.weight"], plain["classifier.weight"])  # the head is that of the seed


@pytest.mark.parametrize("count", [3, -1])
def test_more_layers_than_there_are(count):
    with pytest.raises(UserError, match=f"--reinit_layers must be from 0 to 2, the layers of the model, got {count}"):
        reinit_top_layers(model_of(), count)


def test_layers_that_share_their_weights_are_refused():
    with pytest.raises(UserError, match="AlbertForSequenceClassification has no list of 2 layers"):
        reinit_top_layers(model_of("Albert"), 1)


@pytest.mark.parametrize(
    ("parts", "frozen"),
    [
        (None, set()),
        ("embeddings", {"embeddings"}),
        ("1", {"layer.0"}),
        ("embeddings, 2", {"embeddings", "layer.0", "layer.1"}),
    ],
)
def test_frozen_parts_and_only_these(parts, frozen):
    model = model_of()
    freeze(model, parts)
    for name, parameter in model.named_parameters():
        assert parameter.requires_grad is not any(f".{part}." in name for part in frozen), name


@pytest.mark.parametrize("architecture", [name for name in ARCHITECTURES if name != "Albert"])
def test_embeddings_and_layers_of_every_architecture_can_be_frozen(architecture):
    model = model_of(architecture)
    freeze(model, "embeddings,1")
    assert not model.get_input_embeddings().weight.requires_grad
    names = [name for name, parameter in model.named_parameters() if "layer" in name and not parameter.requires_grad]
    assert {name.partition("layer")[2].split(".")[1] for name in names if ".0." in name} == {"0"}
    assert any(parameter.requires_grad for name, parameter in model.named_parameters() if ".1." in name)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ("head", "--freeze head: 'head' is unknown; write embeddings, a number of layers, or both"),
        ("embeddings,3", "--freeze must be from 0 to 2, the layers of the model, got 3"),
    ],
)
def test_parts_that_cannot_be_frozen(parts, message):
    with pytest.raises(UserError, match=message):
        freeze(model_of(), parts)


@pytest.mark.parametrize("head", ["TokenClassification", "SequenceClassification"])
def test_a_head_that_is_kept_has_its_rows_in_the_order_of_the_labels(head, tmp_path):
    """As of a public tagger whose labels are in another order than ours."""
    theirs, ours = ["O", "B-PER", "I-PER"], ["B-PER", "I-PER", "O"]
    options = {"id2label": dict(enumerate(theirs)), "label2id": {name: i for i, name in enumerate(theirs)}}
    encoder = save_encoder(tmp_path / "encoder")
    earlier = new_model(encoder, head, seed=0, **options)
    save_model(earlier, load_tokenizer(encoder), tmp_path / "earlier", "A card.")
    options = {"id2label": dict(enumerate(ours)), "label2id": {name: i for i, name in enumerate(ours)}}
    found = new_model(str(tmp_path / "earlier"), head, seed=1, **options).classifier
    for old, new in ((earlier.classifier.weight, found.weight), (earlier.classifier.bias, found.bias)):
        assert torch.equal(new, old[[theirs.index(name) for name in ours]])
    found = new_model(encoder, "MultipleChoice", seed=0, **options)  # its head has one row for all choices
    assert found.classifier.out_features == 1
