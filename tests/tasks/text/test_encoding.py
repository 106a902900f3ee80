import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import DataCollatorWithPadding, PreTrainedTokenizerFast

from cmploss.errors import UserError
from cmploss.tasks.text import encode, task_data
from cmploss.tasks.text.text_task import TextTask
from tests.local_model import reviews, save_encoder

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "b", "c", "d"]
PAD, UNK, CLS, SEP, A, B, C, D = range(8)


@pytest.fixture
def tokenizer():
    core = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    core.pre_tokenizer = pre_tokenizers.Whitespace()
    core.post_processor = processors.BertProcessing(("[SEP]", SEP), ("[CLS]", CLS))
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        pad_token="[PAD]",
        unk_token="[UNK]",
        model_max_length=16,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )


def singles(kind="classification"):
    rows = [{"text": "a b c d", "label": 0}, {"text": "x", "label": 1}]
    return task_data(rows, rows, kind=kind).train


def pairs():
    rows = [{"text": "a", "text_pair": "b c d", "label": label} for label in (0, 1)]
    return task_data(rows, rows).train


def test_texts_are_cut_but_not_padded(tokenizer):
    encoded = encode(singles(), tokenizer, max_length=5)
    assert set(encoded.column_names) == {"labels", "input_ids", "token_type_ids", "attention_mask"}
    assert encoded["input_ids"][:] == [[CLS, A, B, C, SEP], [CLS, UNK, SEP]]
    assert encoded["labels"][:] == [0, 1]


def test_of_a_pair_the_longer_text_is_cut(tokenizer):
    encoded = encode(pairs(), tokenizer, max_length=6)
    assert encoded["input_ids"][0] == [CLS, A, SEP, B, C, SEP]
    assert encoded["token_type_ids"][0] == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize(("kind", "dtype"), [("classification", "torch.int64"), ("regression", "torch.float32")])
def test_the_collator_pads_to_the_longest_of_the_batch(tokenizer, kind, dtype):
    encoded = encode(singles(kind), tokenizer, max_length=16)
    batch = DataCollatorWithPadding(tokenizer)(list(encoded))
    assert batch["input_ids"].tolist() == [[CLS, A, B, C, D, SEP], [CLS, UNK, SEP, PAD, PAD, PAD]]
    assert (str(batch["labels"].dtype), batch["labels"].tolist()) == (dtype, [0, 1])


@pytest.mark.parametrize("max_length", [2, 17])
def test_lengths_the_tokenizer_cannot_serve_are_refused(tokenizer, max_length):
    with pytest.raises(UserError, match=f"--max_length must be from 3 to 16 for this tokenizer, got {max_length}"):
        encode(singles(), tokenizer, max_length)


def test_a_pair_needs_room_for_two_texts(tokenizer):
    with pytest.raises(UserError, match="must be from 5 to 16"):
        encode(pairs(), tokenizer, max_length=4)


def test_of_several_outputs_the_trainer_keeps_the_logits(tmp_path):
    """Encoder-decoder models have other outputs, of other lengths in each batch."""
    kept = TextTask(task_data(reviews(40)), save_encoder(tmp_path), 16).kept_logits()
    logits = torch.zeros(4, 2)
    assert kept((logits, torch.zeros(4, 9, 3)), None) is logits
    assert kept(logits, None) is logits
