import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from transformers import XLNetConfig, XLNetForQuestionAnsweringSimple

from cmploss.errors import UserError
from cmploss.tasks.qa.answers import run_windows
from cmploss.tasks.qa.paragraphs import paragraph_windows
from cmploss.tasks.qa.questions import Question, Segment, Span
from cmploss.tasks.qa.windows import WindowConfig, context_windows
from tests.tasks.qa.known_logits import KnownLogits
from tests.tasks.qa.texts import questions
from tests.tasks.qa.tokenizers import ALL, KINDS, bare, byte_level, wordpiece
from tests.tiny import model_of

TEXTS = ("Ada Stone built the bridge of Norland in 1402.", "The castle is older than any bridge of the land.", "Ben.")
ASKED = [Question(f"q{n}", "Who built it?", (Segment(text),), ("x",), (Span(3, 0, 3),)) for n, text in enumerate(TEXTS)]


def padded_on(side, tokenizer):
    tokenizer = copy.deepcopy(tokenizer)
    tokenizer.padding_side = side
    return tokenizer


@settings(max_examples=60, deadline=None)
@given(kind=KINDS, asked=st.lists(questions(), min_size=1, max_size=4), batch_size=st.integers(1, 5))
def test_logits_are_those_of_each_window_alone(kind, asked, batch_size):
    model, tokenizer = KnownLogits(), ALL[kind]()
    windows = context_windows(asked, tokenizer, WindowConfig(90, stride=20))
    outputs = run_windows(model, tokenizer, windows, batch_size=batch_size)
    assert sum(model.rows) == len(windows)
    assert max(model.rows) <= batch_size
    for window, starts, ends in zip(windows, outputs.starts, outputs.ends, strict=True):
        expected = model.logits(torch.as_tensor(window["input_ids"], dtype=torch.long)).numpy()
        assert np.array_equal(np.stack([starts, ends], 1), expected)


def test_losses_are_half_of_start_and_end_over_the_tokens_of_the_window():
    model = KnownLogits()
    windows = context_windows(ASKED, wordpiece(), WindowConfig())
    assert len({len(window["input_ids"]) for window in windows}) == 3
    outputs = run_windows(model, wordpiece(), windows)
    assert outputs.losses.dtype == np.float64
    for window, starts, ends, loss in zip(windows, outputs.starts, outputs.ends, outputs.losses, strict=True):
        each = [
            np.log(np.exp(logits.astype(float)).sum()) - logits[window[label]]
            for logits, label in ((starts, "start_positions"), (ends, "end_positions"))
        ]
        assert loss == pytest.approx(sum(each) / 2, abs=1e-5)


@pytest.mark.parametrize(("name", "make"), [("Roberta", byte_level), ("Qwen3", bare), ("ModernBert", bare)])
def test_padding_on_the_left_and_on_the_right_give_the_same(name, make):
    tokenizer = make()
    pad = tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
    model = model_of(name, "span", vocab_size=500, max_position_embeddings=128, pad_token_id=pad, initializer_range=0.5)
    windows = context_windows(ASKED, tokenizer, WindowConfig())
    left, right = (run_windows(model, padded_on(side, tokenizer), windows) for side in ("left", "right"))
    assert np.ptp(left.starts[0]) > 0.1
    for ours, theirs in zip([*left.starts, *left.ends], [*right.starts, *right.ends], strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)
    np.testing.assert_allclose(left.losses, right.losses, atol=1e-4)


def test_global_attention_is_given_to_models_that_have_it():
    model = model_of("Longformer", "span", vocab_size=30522, max_position_embeddings=128)
    windows = paragraph_windows(ASKED, wordpiece(), WindowConfig(), fit="windows")
    outputs = run_windows(model, wordpiece(), windows)
    names = ("input_ids", "token_type_ids", "global_attention_mask")
    inputs = {name: torch.tensor(windows[2][name][None]).long() for name in names}
    with torch.no_grad():
        alone = model(**inputs)
        none = model(**inputs | {"global_attention_mask": torch.zeros_like(inputs["input_ids"])})
    np.testing.assert_allclose(outputs.starts[2], alone.start_logits[0], atol=1e-5)
    assert np.abs(outputs.starts[2] - none.start_logits[0].numpy()).max() > 1e-4


def test_dropout_power_ablates_and_power_0_is_eval_mode():
    model = model_of("Bert", "span", vocab_size=30522, max_position_embeddings=128, initializer_range=0.3)
    windows = context_windows(ASKED, wordpiece(), WindowConfig())

    def starts(**options):
        return np.concatenate(run_windows(model, wordpiece(), windows, batch_size=2, **options).starts)

    plain = starts()
    assert not model.training
    assert np.array_equal(starts(power=0), plain)
    assert np.abs(starts(power=1) - plain).max() > 0.01
    assert np.array_equal(starts(power=2, seed=3), starts(power=2, seed=3))
    assert np.abs(starts(power=2, seed=3) - starts(power=2, seed=4)).max() > 0.01
    assert np.abs(starts(power=1, p=0.5) - starts(power=1)).max() > 0.01
    # Batches of one length differ in their masks: the same window twice.
    twice = run_windows(model, wordpiece(), [windows[0]] * 2, batch_size=1, power=1).starts
    assert np.abs(twice[0] - twice[1]).max() > 0.01


def test_models_with_simple_heads_are_read_too():
    torch.manual_seed(0)
    model = XLNetForQuestionAnsweringSimple(XLNetConfig(vocab_size=500, d_model=16, n_layer=1, n_head=2, d_inner=16))
    tokenizer = ALL["cls_last"]()
    windows = context_windows(ASKED, tokenizer, WindowConfig())
    together = run_windows(model, tokenizer, windows)
    for window, starts in zip(windows, together.starts, strict=True):
        (alone,) = run_windows(model, tokenizer, [window]).starts
        np.testing.assert_allclose(starts, alone, atol=1e-5)


def test_a_batch_size_below_one_is_refused():
    with pytest.raises(UserError, match=r"--batch_size must be >= 1, got 0"):
        run_windows(KnownLogits(), wordpiece(), [], batch_size=0)
