import pytest
import torch
from hypothesis import given, strategies as st

from cmploss.errors import UserError
from cmploss.tasks.qa.collate import WindowCollator
from cmploss.tasks.qa.paragraphs import paragraph_windows
from cmploss.tasks.qa.questions import Question, Segment
from cmploss.tasks.qa.windows import WindowConfig
from tests.tasks.qa.texts import questions, words
from tests.tasks.qa.tokenizers import ALL, KINDS, bare, byte_level, cls_last, wordpiece
from tests.tiny import model_of

MODELS = {name: model_of(name, "span") for name in ("Bert", "DistilBert", "Longformer", "Qwen3")}
several = st.lists(questions(segments=st.integers(1, 3), titles=words, special=True), min_size=1, max_size=4)


def questions_of(text):
    return Question("q", "Who?", (Segment(text, "Title"),))


@given(kind=KINDS, asked=several)
def test_padding_moves_every_position_and_nothing_else(kind, asked):
    tokenizer = ALL[kind]()
    windows = paragraph_windows(asked, tokenizer, WindowConfig(max_length=512), fit="windows")
    batch = WindowCollator(tokenizer, MODELS["Longformer"])(windows)
    longest = max(len(window["input_ids"]) for window in windows)
    pad = {"wordpiece": 0, "byte_level": 1, "cls_last": 0, "bare": 0}[kind]
    for row, window in enumerate(windows):
        count = len(window["input_ids"])
        shift = longest - count if kind in ("cls_last", "bare") else 0
        inside = torch.zeros(longest, dtype=torch.bool)
        inside[shift : shift + count] = True
        assert batch["attention_mask"][row].tolist() == inside.long().tolist()
        for name, value in (("input_ids", pad), ("global_attention_mask", 0)):
            assert batch[name][row, inside].tolist() == window[name].astype(int).tolist()
            assert (batch[name][row, ~inside] == value).all()
        for name in ("start_positions", "end_positions"):
            assert batch[name][row] == window[name] + shift
    assert {tensor.dtype for tensor in batch.values()} == {torch.int64}


def test_token_types_are_padded_with_their_own_type():
    question = [questions_of("short"), questions_of("rather long and longer")]
    windows = paragraph_windows(question, cls_last(), WindowConfig(), fit="windows")
    batch = WindowCollator(cls_last(), MODELS["Bert"])(windows)
    padded = batch["attention_mask"] == 0
    assert padded.any()
    assert (batch["token_type_ids"][padded] == 3).all()
    assert batch["token_type_ids"][~padded].tolist() == [
        kind for window in windows for kind in window["token_type_ids"]
    ]


@pytest.mark.parametrize(
    ("make", "model", "optional"),
    [
        (wordpiece, "Bert", {"token_type_ids"}),
        (wordpiece, "DistilBert", set()),
        (wordpiece, "Longformer", {"token_type_ids", "global_attention_mask"}),
        (byte_level, "Longformer", {"global_attention_mask"}),
        (byte_level, "Bert", set()),
        (bare, "Qwen3", set()),
    ],
)
def test_a_batch_holds_what_the_model_takes(make, model, optional):
    windows = paragraph_windows([questions_of("text")], make(), WindowConfig(), fit="training")
    always = {"input_ids", "attention_mask", "start_positions", "end_positions"}
    assert set(WindowCollator(make(), MODELS[model])(windows)) == always | optional


@pytest.mark.parametrize("name", ["Bert", "DistilBert", "Longformer"])
def test_models_read_batches_and_agree_with_windows_alone(name):
    model = model_of(name, "span", vocab_size=30522, max_position_embeddings=64).eval()
    windows = paragraph_windows(
        [questions_of("a"), questions_of("b c d e")], wordpiece(), WindowConfig(), fit="training"
    )
    collate = WindowCollator(wordpiece(), model)
    with torch.no_grad():
        together = model(**collate(windows))
        alone = [model(**collate([window])) for window in windows]
    for row, (window, output) in enumerate(zip(windows, alone, strict=True)):
        count = len(window["input_ids"])
        torch.testing.assert_close(together.start_logits[row, :count], output.start_logits[0], atol=1e-5, rtol=1e-4)


def test_a_tokenizer_without_a_token_to_pad_with():
    class Bare:
        eos_token_id = pad_token_id = None

    with pytest.raises(UserError, match=r"^Bare has no padding token; set its pad_token"):
        WindowCollator(Bare(), MODELS["Bert"])
