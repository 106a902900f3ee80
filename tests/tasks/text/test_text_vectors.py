from dataclasses import replace

import numpy as np
import pytest
import torch
import transformers
from datasets import Dataset

from cmploss.errors import UserError
from cmploss.model_config import ModelConfig
from cmploss.models import load_tokenizer, new_classifier, save_model
from cmploss.studies import Study, StudyConfig
from cmploss.tasks.text import encode
from cmploss.tasks.text.text_task import TextTask
from cmploss.tasks.text.text_vectors import cls_vectors, saved_cls_vectors
from tests.local_model import WORDS, reviews
from tests.tiny import ARCHITECTURES

EXAMPLES = Dataset.from_list([{"text": row["text"], "label": int(row["label"] == "good")} for row in reviews(20)])
ONE_RUN = StudyConfig("no_dropout", seeds=1, embeddings=True)
SIDES = {
    f"{side}_{name}": size
    for side in ("encoder", "decoder")
    for name, size in {"layers": 1, "attention_heads": 2, "ffn_dim": 24}.items()
}
NO_ENCODERS = {
    "Qwen3": ARCHITECTURES["Qwen3"],
    "Bart": {"d_model": 16, "max_position_embeddings": 40, "eos_token_id": WORDS.index("[SEP]"), **SIDES},
    "T5": {"d_model": 16, "d_kv": 8, "d_ff": 24, "num_layers": 1, "num_heads": 2, "eos_token_id": WORDS.index("[SEP]")},
}


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


def test_a_model_whose_first_token_has_not_read_the_text_is_refused(config_of, task, encoder, tmp_path):
    folders = {}
    for kind, config in NO_ENCODERS.items():
        shape = {"vocab_size": len(WORDS), "id2label": {0: "bad", 1: "good"}, "pad_token_id": 0, **config}
        classifier = getattr(transformers, f"{kind}ForSequenceClassification")
        model = classifier(getattr(transformers, f"{kind}Config")(**shape))
        save_model(model, load_tokenizer(encoder), tmp_path / kind, "A card.")
        folders[kind] = str(tmp_path / kind)
    for kind, folder in folders.items():
        said = rf"the first token of {kind}ForSequenceClassification does not attend to the whole text; use an encoder"
        with pytest.raises(UserError, match=rf"^{folder}: {said}"):
            saved_cls_vectors(folder, EXAMPLES)
        base = replace(config_of("no_dropout"), model_config=ModelConfig(folder, 16))
        study = Study(TextTask(task.data, folder, 16), base, ONE_RUN, tmp_path / "study")
        with pytest.raises(UserError, match=rf"^--embeddings with --model {folder}: {said}"):
            study.check()
    Study(task, config_of("no_dropout"), ONE_RUN, tmp_path / "study").check()


def test_an_encoder_without_a_head_is_no_run(encoder):
    with pytest.raises(UserError, match="has no trained classification head"):
        saved_cls_vectors(encoder, EXAMPLES)
