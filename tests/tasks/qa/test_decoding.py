"""Span decoding equals scoring every span: the same spans in the same order, ties included."""

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from cmploss.tasks.qa import decoding
from cmploss.tasks.qa.decoding import best_spans, null_scores


def every_span(start, end, segments, longest):
    """All spans of one window in the order of their start and end, by the rules as they are said."""
    for i in range(len(segments)):
        for j in range(i, min(i + longest, len(segments))):
            if segments[j] < 0 or segments[j] != segments[i]:
                break
            yield start[i] + end[j], i, j


def brute_force(start, end, segments, questions, n, longest):
    """For each question its best spans ``(score, window, start, end)``, out of a list of all."""
    best = []
    for question in range(max(questions) + 1):
        spans = []
        for window, owner in enumerate(questions):
            if owner == question:
                found = every_span(start[window], end[window], segments[window], longest)
                spans += [(score, window, i, j) for score, i, j in found]
        spans.sort(key=lambda span: -span[0])  # stable: equal scores stay in the order of window, start and end
        best.append(spans[:n])
    return best


def as_lists(best):
    """The spans of each question without the padding, which is checked."""
    questions = []
    for columns in zip(best.scores, best.windows, best.starts, best.ends, strict=True):
        spans = list(zip(*(column.tolist() for column in columns), strict=True))
        real = [span for span in spans if span[0] > -torch.inf]
        assert spans == real + [(-torch.inf, -1, -1, -1)] * (len(spans) - len(real))
        questions.append(real)
    return questions


@st.composite
def layouts(draw):
    """Windows cut into segments and gaps, each of some question, with logits that often tie."""
    tokens, windows = draw(st.integers(1, 24)), draw(st.integers(1, 6))
    segments = []
    for _ in range(windows):
        row, segment = [], 0
        while len(row) < tokens:
            gap = draw(st.booleans())
            row += [-1 if gap else segment] * draw(st.integers(1, tokens))
            segment += not gap
        segments.append(row[:tokens])
    logits = st.lists(st.integers(-3, 3), min_size=tokens, max_size=tokens)
    start, end = ([draw(logits) for _ in range(windows)] for _ in range(2))
    questions = [draw(st.integers(0, windows - 1)) for _ in range(windows)]
    return start, end, segments, questions


ALL_EQUAL = ([[0] * 40], [[0] * 40], [[0] * 40], [0])
NONE_IN_ONE = ([[0, 1], [1, 0]], [[1, 0], [0, 1]], [[-1, -1], [0, 1]], [2, 0])


@given(layouts(), st.integers(1, 9), st.integers(1, 13), st.sampled_from([1, 2, 64]))
@example(ALL_EQUAL, 20, 30, 64)
@example(NONE_IN_ONE, 3, 2, 64)
def test_equals_brute_force(layout, n, longest, rows_at_once):
    start, end, segments, questions = layout
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoding, "_ROWS", rows_at_once)
        best = best_spans(
            torch.tensor(start, dtype=torch.float32),
            torch.tensor(end, dtype=torch.float32),
            torch.tensor(segments),
            torch.tensor(questions),
            n_best=n,
            max_answer_tokens=longest,
        )
    assert best.scores.shape == (max(questions) + 1, n)
    assert as_lists(best) == brute_force(start, end, segments, questions, n, longest)


def windows_of_a_study(seed=0):
    """Five windows of three questions: a context at either side, two segments that touch, a whole window."""
    draw = torch.Generator().manual_seed(seed)
    start, end = torch.randn(2, 5, 160, generator=draw, dtype=torch.float64)
    segments = torch.zeros(5, 160, dtype=torch.long)
    segments[0, :12] = segments[0, 100:] = segments[1, :70] = segments[2, 40:50] = -1
    segments[3, 60:] = 1
    return start, end, segments, torch.tensor([1, 0, 1, 2, 1])


@pytest.mark.parametrize("longest", [1, 5, 29, 30, 64, 500])
def test_windows_of_usual_size_equal_brute_force(longest):
    arguments = windows_of_a_study(longest)
    expected = brute_force(*(tensor.tolist() for tensor in arguments), 20, longest)
    assert as_lists(best_spans(*arguments, max_answer_tokens=longest)) == expected
    views = [tensor.repeat_interleave(2, dim=-1)[..., ::2] for tensor in arguments]
    assert not views[0].is_contiguous()
    assert as_lists(best_spans(*views, max_answer_tokens=longest)) == expected


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_gpu_equals_cpu():
    arguments = windows_of_a_study()
    on_gpu = best_spans(*(tensor.cuda() for tensor in arguments))
    assert on_gpu.scores.device.type == "cuda"
    assert as_lists(on_gpu) == as_lists(best_spans(*arguments))


def test_half_precision_is_added_up_in_single():
    start, end = torch.tensor([[256.0, 0.0]], dtype=torch.bfloat16), torch.tensor([[0.0, 1.0]], dtype=torch.bfloat16)
    zero = torch.tensor([0])
    best = best_spans(start, end, torch.tensor([[0, 0]]), zero, n_best=1)
    assert (best.scores.dtype, best.scores.item()) == (torch.float32, 257)  # bfloat16 has 256, then 258
    nothing = null_scores(start, torch.ones_like(start), zero, zero)
    assert (nothing.dtype, nothing.item()) == (torch.float32, 257)


def test_what_stands_where_no_answer_may_stand_does_not_matter():
    logits = torch.tensor([[torch.nan, 1.0, torch.inf, 2.0, -torch.inf]])
    best = best_spans(logits, logits, torch.tensor([[-1, 0, -1, 0, -1]]), torch.tensor([0]), n_best=3)
    assert as_lists(best) == [[(4, 0, 3, 3), (2, 0, 1, 1)]]


def test_a_logit_of_minus_infinity_rules_a_token_out():
    logits = torch.tensor([[-torch.inf, 1.0]])
    best = best_spans(logits, logits, torch.tensor([[0, 0]]), torch.tensor([0]), n_best=3)
    assert as_lists(best) == [[(2, 0, 1, 1)]]


def test_no_windows_have_no_spans():
    nothing = torch.zeros(0, 7), torch.zeros(0, 7)
    ids = torch.zeros(0, dtype=torch.long)
    assert best_spans(*nothing, torch.zeros(0, 7, dtype=torch.long), ids).starts.shape == (0, 20)
    assert null_scores(*nothing, ids, ids).shape == (0,)


def test_no_gradient_is_recorded():
    logits = torch.ones(1, 3, requires_grad=True)
    assert not best_spans(logits, logits, torch.zeros(1, 3, dtype=torch.long), torch.tensor([0])).scores.requires_grad


def test_null_score_is_the_smallest_of_a_questions_windows():
    start = torch.tensor([[1.0, 9.0], [7.0, 2.0], [5.0, 0.0]])
    end = torch.tensor([[1.0, 9.0], [7.0, 1.0], [5.0, 0.0]])
    # The second window is padded on the left. Question 1 has none.
    scores = null_scores(start, end, torch.tensor([0, 1, 0]), torch.tensor([2, 2, 0]))
    assert scores.tolist() == [5 + 5, torch.inf, min(1 + 1, 2 + 1)]


@pytest.mark.parametrize("name", ["start_logits", "end_logits"])
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_logits_that_are_no_numbers_are_refused(name, value):
    arguments = {"start_logits": torch.zeros(2, 3), "end_logits": torch.zeros(2, 3)}
    arguments[name][1, 2] = value
    with pytest.raises(ValueError, match="start_logits or end_logits have nan or inf where an answer may stand"):
        best_spans(**arguments, segments=torch.zeros(2, 3, dtype=torch.long), questions=torch.tensor([0, 1]))
