import numpy as np
import pytest
import torch
from datasets import Dataset

from cmploss.errors import UserError
from cmploss.models import load_tokenizer, new_classifier, save_model
from cmploss.studies.embeddings import cls_vectors, saved_cls_vectors
from cmploss.tasks import encode
from tests.local_model import reviews

EXAMPLES = Dataset.from_list([{"text": row["text"], "label": int(row["label"] == "good")} for row in reviews(20)])


@pytest.fixture
def model(encoder):
    return new_classifier(encoder, ("bad", "good"), seed=0).eval()


def one_by_one(model, tokenizer):
    rows = []
    for text in EXAMPLES["text"]:
        with torch.no_grad():
            rows.append(
                model(**tokenizer(text, return_tensors="pt"), output_hidden_states=True).hidden_states[-1][0, 0]
            )
    return torch.stack(rows).double().numpy()


def test_vectors_are_those_of_the_first_token_text_by_text(model, encoder):
    tokenizer = load_tokenizer(encoder)
    encoded = encode(EXAMPLES, tokenizer, 16)
    expected = one_by_one(model, tokenizer)
    assert len({len(ids) for ids in encoded["input_ids"]}) > 3  # padding matters
    model.train()  # dropout would change them
    found = cls_vectors(model, tokenizer, encoded, batch_size=6)
    assert found.shape == (20, 16)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert np.ptp(found, axis=0).min() > 1e-3  # they differ from text to text


def test_vectors_of_a_saved_run(model, encoder, tmp_path):
    tokenizer = load_tokenizer(encoder)
    save_model(model, tokenizer, tmp_path / "run", "A card.")
    np.testing.assert_allclose(
        saved_cls_vectors(str(tmp_path / "run"), EXAMPLES), one_by_one(model, tokenizer), atol=1e-6
    )


def test_an_encoder_without_a_head_is_no_run(encoder):
    with pytest.raises(UserError, match="has no trained classification head"):
        saved_cls_vectors(encoder, EXAMPLES)
