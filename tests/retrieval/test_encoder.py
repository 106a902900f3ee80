"""A retriever is used as it was made: its pooling, its limit, its prompts; a plain encoder must be told its pooling."""

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from transformers import AutoModel, AutoTokenizer

from cmploss.errors import UserError
from cmploss.retrieval import EncoderConfig, Texts, build_index, encoder_of, load_encoder
from cmploss.retrieval.encoder import weights_fingerprint

TEXTS = ["the lamp is dead", "lovely", "the new door is very bright and quick"]


def plain_of(retriever):
    return retriever.removesuffix("retriever") + "plain"


def pooled(folder, text, pooling):
    """The vector of one text, without padding, from the encoder's last layer."""
    inputs = AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt")
    with torch.no_grad():
        tokens = AutoModel.from_pretrained(folder).eval()(**inputs).last_hidden_state[0]
    return (tokens[0] if pooling == "cls" else tokens.mean(0)).numpy()


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_a_plain_encoder_is_pooled_as_told(retriever, pooling):
    encoder = load_encoder(EncoderConfig(plain_of(retriever), pooling))
    vectors = encoder.documents(TEXTS)
    assert encoder.width == vectors.shape[1] == 16
    assert vectors == pytest.approx(np.array([pooled(plain_of(retriever), text, pooling) for text in TEXTS]), abs=1e-5)
    assert encoder.settings["pooling"] == pooling


def test_a_retriever_pools_and_normalises_as_its_folder_says(retriever, encoder):
    means = np.array([pooled(plain_of(retriever), text, "mean") for text in TEXTS])
    expected = means / np.linalg.norm(means, axis=1, keepdims=True)
    assert encoder.queries(TEXTS) == pytest.approx(expected, abs=1e-5)
    assert encoder.settings["modules"] == ["Transformer", "Pooling", "Normalize"]
    assert encoder.settings["pooling"] == "mean"


def test_prompts_are_those_of_the_retriever(retriever, tmp_path):
    model = SentenceTransformer(retriever, device="cpu", prompts={"query": "my new ", "document": ""})
    model.save(str(tmp_path / "prompted"), create_model_card=False)
    encoder = load_encoder(EncoderConfig(str(tmp_path / "prompted")))
    assert encoder.queries(["lamp"]) == pytest.approx(encoder.documents(["my new lamp"]), abs=1e-6)
    assert encoder.queries(["lamp"]) != pytest.approx(encoder.documents(["lamp"]), abs=1e-3)
    assert encoder.settings["prompts"]["query"] == "my new "


def test_prompts_that_are_given_come_first_also_when_an_index_is_searched(retriever, tmp_path):
    """The passage prompt of this model is named otherwise, and the given one replaces it."""
    model = SentenceTransformer(retriever, device="cpu", prompts={"query": "my ", "passage": "slow "})
    model.save(str(tmp_path / "prompted"), create_model_card=False)
    config = EncoderConfig(str(tmp_path / "prompted"), query_prompt="new ", document_prompt="quick ")
    encoder, bare = load_encoder(config), load_encoder(EncoderConfig(retriever))
    assert encoder.queries(["lamp"]) == pytest.approx(bare.queries(["new lamp"]), abs=1e-6)
    assert encoder.documents(["lamp"]) == pytest.approx(bare.documents(["quick lamp"]), abs=1e-6)
    index = build_index(Texts("t", ["a", "b"], TEXTS[:2]), encoder, tmp_path / "index")
    assert encoder_of(index).queries(["lamp"]).tolist() == encoder.queries(["lamp"]).tolist()


def test_a_shorter_limit_cuts_texts(retriever):
    encoder = load_encoder(EncoderConfig(retriever, max_length=4))  # [CLS], two words, [SEP]
    assert encoder.documents(["the lamp is dead"]) == pytest.approx(encoder.documents(["the lamp"]), abs=1e-6)
    assert encoder.settings["max_length"] == 4


def test_the_fingerprint_is_of_names_and_values():
    layers = [torch.nn.Linear(2, 2) for _ in range(2)]
    layers[1].load_state_dict(layers[0].state_dict())
    same = weights_fingerprint(layers[0])
    assert weights_fingerprint(layers[1]) == same
    layers[1].weight.data[1, 1] += 1e-3
    assert weights_fingerprint(layers[1]) != same
    assert weights_fingerprint(layers[0].bfloat16()) != same


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"model": "plain"}, "--pooling is missing.*plain encoder.*cls, mean"),
        ({"model": "plain", "pooling": "max"}, "--pooling 'max' is unknown.*cls, mean"),
        ({"model": "retriever", "pooling": "cls"}, "--pooling.*its own"),
        ({"model": "retriever", "max_length": 41}, "--max_length 41.*3 to 40"),
        ({"model": "nowhere"}, "cannot be loaded|no such folder"),
    ],
)
def test_faulty_choices(retriever, options, words):
    folder = retriever.removesuffix("retriever") + options["model"]
    with pytest.raises(UserError, match=words):
        load_encoder(EncoderConfig(**{**options, "model": folder}))
