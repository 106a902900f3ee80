"""The reader: what it answers is what the library answers, and its places slice the passages to the answers."""

import math
from dataclasses import replace
from itertools import chain

import pytest
import torch
from huggingface_hub.errors import LocalEntryNotFoundError

import cmploss.tasks.qa.reader
from cmploss import Reader, ReaderAnswer
from cmploss.errors import UserError
from cmploss.tasks.qa import Question, ReaderConfig, Segment, WindowConfig
from cmploss.tasks.qa.answers import read_answers, run_windows
from tests.tasks.qa.checkpoints import MODELS, save_reader
from tests.tasks.qa.files import BRIDGE, CASTLE
from tests.tasks.qa.known_logits import KnownLogits
from tests.tasks.qa.tokenizers import wordpiece
from tests.tiny import model_of

LONG = " ".join([CASTLE, BRIDGE] * 5)
PASSAGES = [{"title": "Castle of Norland", "text": CASTLE}, BRIDGE, {"text": "A mill of 1500.", "title": None}]
CONTEXT, PARAGRAPHS = (ReaderConfig(layout, WindowConfig(48, stride=16)) for layout in ("context", "paragraphs"))


def known(config, **options):
    return Reader(KnownLogits(**options), wordpiece(), config)


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """A checkpoint for each tokenizer, with settings that read a text in several windows."""
    folder = tmp_path_factory.mktemp("readers")
    return {kind: save_reader(folder / kind, kind, CONTEXT) for kind in MODELS}


def sliced(answer, passages):
    """The characters at the place that an answer names."""
    passage = passages[answer.passage]
    if answer.in_title:
        return passage["title"][answer.start : answer.end]
    return (passage if isinstance(passage, str) else passage["text"])[answer.start : answer.end]


@pytest.mark.parametrize("kind", MODELS)
def test_places_slice_the_text_to_the_answer(checkpoints, kind):
    reader = Reader.from_pretrained(checkpoints[kind], device="cpu")
    for answer in reader("Who built the castle?", LONG, top_k=50):
        assert LONG[answer.start : answer.end] == answer.text != ""
        assert (answer.passage, answer.in_title) == (0, False)


@pytest.mark.parametrize("kind", MODELS)
def test_batches_equal_single_calls(checkpoints, kind):
    reader = Reader.from_pretrained(checkpoints[kind], device="cpu")
    asked = ["Who built the castle?", "What did it cost?", "Is it old or new, and why is that?"]
    contexts = [LONG, PASSAGES, BRIDGE]
    together = reader(asked, contexts, top_k=3, batch_size=4)
    alone = [reader(question, context, top_k=3) for question, context in zip(asked, contexts, strict=True)]
    for ours, theirs in zip(chain(*together), chain(*alone), strict=True):
        places = [(answer.text, answer.start, answer.end, answer.passage) for answer in (ours, theirs)]
        assert places[0] == places[1]
        assert ours.score == pytest.approx(theirs.score, abs=1e-4)
        assert ours.probability == pytest.approx(theirs.probability, abs=1e-4)
    best = reader(asked, contexts)
    assert [answer.text for answer in best] == [answers[0].text for answers in together]


def test_the_form_of_the_result_is_that_of_the_question():
    reader = known(CONTEXT)
    assert isinstance(reader("Who?", BRIDGE), ReaderAnswer)
    assert [type(answer) for answer in reader("Who?", BRIDGE, top_k=2)] == [ReaderAnswer] * 2
    assert [type(answer) for answer in reader(["Who?"], [BRIDGE])] == [ReaderAnswer]
    assert [len(answers) for answers in reader(("Who?", "When?"), (BRIDGE, "one word"), top_k=4)] == [4, 3]
    assert reader(["Who?", "When?"], BRIDGE) == [reader("Who?", BRIDGE), reader("When?", BRIDGE)]
    assert reader(["Who?"], PASSAGES[0]) == [reader("Who?", [PASSAGES[0]])]
    assert reader([], []) == reader([], BRIDGE) == []


@pytest.mark.parametrize("config", [CONTEXT, PARAGRAPHS], ids=["context", "paragraphs"])
def test_answers_are_those_of_the_library_with_probabilities(config):
    reader = known(config)
    segments = tuple(Segment(p) if isinstance(p, str) else Segment(p["text"], p["title"]) for p in PASSAGES)
    question = Question("q", "Who built it?", segments)
    windows = config.windows_of([question], wordpiece())
    assert len(windows) > 1
    outputs = run_windows(KnownLogits(), wordpiece(), windows)
    (expected,) = read_answers([question], windows, outputs, n_best=20)
    found = reader("Who built it?", PASSAGES, top_k=20)
    assert [(answer.text, answer.score) for answer in found] == [(each.text, each.score) for each in expected.best]
    null = expected.null_score
    total = sum(math.exp(score) for score in (null, *(each.score for each in expected.best)))
    for answer in found:
        assert answer.no_answer_score == null
        assert answer.probability == pytest.approx(math.exp(answer.score) / total)
    assert sum(answer.probability for answer in found) + math.exp(null) / total == pytest.approx(1)
    assert reader("Who built it?", PASSAGES) == found[0]  # the same probability, however many are asked for
    assert reader("Who built it?", PASSAGES, top_k=3) == found[:3]


def test_one_by_one_the_best_passage_wins_and_titles_do_not_count():
    reader = known(CONTEXT)
    together = reader("Who built it?", PASSAGES, top_k=200)
    assert {answer.passage for answer in together} == {0, 1, 2}
    assert all(sliced(answer, PASSAGES) == answer.text and not answer.in_title for answer in together)
    each = [reader("Who built it?", [passage]) for passage in PASSAGES]
    best = max(each, key=lambda answer: answer.score)
    assert (together[0].text, together[0].score) == (best.text, best.score)
    assert together[0].passage == each.index(best)
    assert together[0].no_answer_score == min(answer.no_answer_score for answer in each)
    untitled = [CASTLE, BRIDGE, "A mill of 1500."]
    assert reader("Who built it?", untitled, top_k=200) == together


def test_together_titles_yes_and_no_are_answers_too():
    config = replace(PARAGRAPHS, windows=WindowConfig(128))
    found = known(config)("Who built it?", PASSAGES, top_k=3000)
    at = {(answer.passage, answer.in_title) for answer in found}
    assert at == {(None, None), (0, True), (0, False), (1, False), (2, False)}
    for answer in found:
        if answer.passage is None:
            assert answer.text in ("yes", "no")
            assert (answer.start, answer.end, answer.in_title) == (None, None, None)
        else:
            assert sliced(answer, PASSAGES) == answer.text
    assert [answer.text for answer in found if answer.passage is None].count("yes") == 1


def test_no_answer_comes_first_where_the_threshold_says_so():
    plain = known(CONTEXT)("Who built it?", LONG, top_k=3)
    difference = plain[0].no_answer_score - plain[0].score
    assert difference < 0
    for threshold, silent in ((None, False), (difference, False), (difference - 1e-3, True)):
        found = known(replace(CONTEXT, no_answer_threshold=threshold))("Who built it?", LONG, top_k=3)
        assert [answer.text for answer in found] == [""] * silent + [answer.text for answer in plain][: 3 - silent]
        assert found[silent:] == plain[: 3 - silent]
    assert (found[0].score, found[0].start, found[0].passage) == (plain[0].no_answer_score, None, None)
    assert found[0].probability == pytest.approx(plain[0].probability * math.exp(difference))
    # A null token that is sure of itself, with a threshold that is usual for SQuAD 2.0.
    sure = known(replace(CONTEXT, no_answer_threshold=0.0), lift=20.0)("Who built it?", LONG)
    assert sure.text == ""
    assert sure.probability > 0.999


def test_a_text_that_has_no_token_has_no_answer():
    found = known(CONTEXT)("Who?", "\u200d", top_k=3)
    assert [(answer.text, answer.probability, answer.start) for answer in found] == [("", 1.0, None)]
    assert known(CONTEXT)("Who?", "\u200d").text == ""


def test_the_saved_settings_decide_how_it_reads(tmp_path):
    config = ReaderConfig("paragraphs", WindowConfig(30, 3, 20, 7), "shortened", 5, 0.5)
    reader = Reader.from_pretrained(str(save_reader(tmp_path, config=config)), device="cpu")
    assert reader.config == config
    assert reader.model.device == torch.device("cpu")


@pytest.mark.parametrize(("limit", "length", "stride"), [(128, 128, 42), (512, 384, 128), (9, 9, 3)])
def test_without_settings_windows_have_the_usual_size_or_the_tokenizers(tmp_path, limit, length, stride):
    reader = Reader.from_pretrained(save_reader(tmp_path, limit=limit))
    assert reader.config == ReaderConfig(windows=WindowConfig(length, stride))
    assert LONG.count(reader("Who?", LONG).text) > 0


def test_settings_on_the_hub_are_found(tmp_path, monkeypatch):
    folder = save_reader(tmp_path / "saved", config=CONTEXT)
    asked = []

    def fetched(*request):
        asked.append(request)
        return str(folder / "reader.json")

    def missing(*_):
        raise LocalEntryNotFoundError("offline")

    monkeypatch.setattr(cmploss.tasks.qa.reader, "load_tokenizer", lambda _: wordpiece())
    monkeypatch.setattr(cmploss.tasks.qa.reader, "load_model", lambda *_: model_of("Bert", "span"))
    monkeypatch.setattr(cmploss.tasks.qa.reader, "hf_hub_download", fetched)
    assert Reader.from_pretrained("someone/reader", device="cpu").config == CONTEXT
    assert asked == [("someone/reader", "reader.json")]
    monkeypatch.setattr(cmploss.tasks.qa.reader, "hf_hub_download", missing)
    assert Reader.from_pretrained("someone/reader", device="cpu").config == ReaderConfig()


@pytest.mark.parametrize(
    ("question", "context", "message"),
    [
        ("", BRIDGE, "question: is empty; give a text"),
        (" \n", BRIDGE, "question: is empty"),
        (None, BRIDGE, "question: None is not a string"),
        ("Who?", "", "context: is empty"),
        ("Who?", None, "context: None is neither a text nor a list of passages"),
        ("Who?", [], "context: has no passages; give at least one"),
        ("Who?", [BRIDGE, " "], r"context\[1\]: is empty"),
        ("Who?", [BRIDGE, 7], r"context\[1\]: 7 is not a string"),
        ("Who?", [{"title": "Bridge"}], r"context\[0\]: has no 'text'; it has 'title'"),
        ("Who?", [{"text": ""}], r"context\[0\].text: is empty"),
        ("Who?", {"text": "a", "title": 3}, "context.title: 3 is not a string"),
        ("Who?", "half \ud83d", "context: 'half .*' has half a surrogate pair"),
        (["Who?", ""], [BRIDGE, BRIDGE], r"question\[1\]: is empty"),
        (["Who?", "When?"], [BRIDGE, ""], r"context\[1\]: is empty"),
        (["Who?", "When?"], [BRIDGE, [BRIDGE, ""]], r"context\[1\]\[1\]: is empty"),
        (
            ["Who?", "When?"],
            [BRIDGE],
            "there are 2 questions but 1 contexts; give one context per question",
        ),
        (["Who?"], [BRIDGE, BRIDGE], "there are 1 questions but 2 contexts"),
        (["Who?"], None, "there are 1 questions but no contexts"),
    ],
)
def test_mistakes_are_named_in_one_line(question, context, message):
    with pytest.raises(UserError, match=f"^{message}") as error:
        known(CONTEXT)(question, context)
    assert "\n" not in str(error.value)


def test_options_out_of_range():
    with pytest.raises(UserError, match="top_k must be a whole number >= 1, got 0"):
        known(CONTEXT)("Who?", BRIDGE, top_k=0)
    with pytest.raises(UserError, match="batch_size must be >= 1, got 0"):
        known(CONTEXT)("Who?", BRIDGE, batch_size=0)


def test_checkpoints_that_are_no_readers(tmp_path, checkpoints):
    with pytest.raises(UserError, match=r"^model \./nowhere.*: no such folder"):
        Reader.from_pretrained("./nowhere")
    model_of("Bert", "single_label", vocab_size=30522).save_pretrained(tmp_path / "classifier")
    wordpiece().save_pretrained(tmp_path / "classifier")
    with pytest.raises(UserError, match="classifier has no trained question answering head; give a folder"):
        Reader.from_pretrained(tmp_path / "classifier")
    (tmp_path / "classifier" / "config.json").unlink()
    with pytest.raises(UserError, match=r"classifier cannot be loaded: .*config") as error:
        Reader.from_pretrained(tmp_path / "classifier")
    assert "\n" not in str(error.value)
    with pytest.raises(UserError, match=r"^device 'gpu' cannot be used .*; give cpu, cuda or mps$"):
        Reader.from_pretrained(checkpoints["wordpiece"], device="gpu")


def test_a_long_question_is_cut_with_a_warning(caplog):
    reader = known(CONTEXT)
    asked = ["Who?", "so " * 200]
    first, second = reader(asked, BRIDGE)
    assert caplog.messages == [
        "note: 1 of 2 questions have more than 24 tokens and are cut there, such as question[1] (id '1')."
    ]
    assert first == reader("Who?", BRIDGE)
    assert second == reader("so " * 24, BRIDGE)
