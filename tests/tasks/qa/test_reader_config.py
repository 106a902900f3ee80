import json
from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from cmploss.errors import UserError
from cmploss.tasks.qa.questions import Question, Segment
from cmploss.tasks.qa.reader_config import FILE, ReaderConfig
from cmploss.tasks.qa.windows import WindowConfig
from tests.tasks.qa.files import changed
from tests.tasks.qa.tokenizers import wordpiece

SAVED = {
    "layout": "paragraphs",
    "windows": {"max_length": 96, "stride": 5, "max_question_tokens": 40, "max_paragraph_tokens": 7},
    "fit": "shortened",
    "max_answer_tokens": 12,
    "no_answer_threshold": -1.5,
}
configs = st.builds(
    ReaderConfig,
    layout=st.sampled_from(["context", "paragraphs"]),
    windows=st.builds(WindowConfig, st.integers(), st.integers(), st.integers(), st.integers()),
    fit=st.sampled_from(["windows", "shortened"]),
    max_answer_tokens=st.integers(1),
    no_answer_threshold=st.none() | st.floats(allow_nan=False),
)


@given(config=configs)
def test_what_is_saved_is_loaded(config, tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoint")
    config.save(folder)
    assert ReaderConfig.load(folder) == config


def test_the_file_by_hand(tmp_path):
    config = ReaderConfig("paragraphs", WindowConfig(96, 5, 40, 7), "shortened", 12, -1.5)
    config.save(tmp_path)
    assert json.loads((tmp_path / "reader.json").read_text()) == SAVED
    (tmp_path / FILE).write_text(json.dumps(changed(SAVED, ("no_answer_threshold",), 2)))
    assert ReaderConfig.load(tmp_path) == replace(config, no_answer_threshold=2.0)


def test_a_folder_without_the_file_has_no_settings(tmp_path):
    assert ReaderConfig.load(tmp_path) is None


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("layout",), "context ", ", layout: 'context ' is unknown; choose from context, paragraphs"),
        (("fit",), "training", ", fit: 'training' is unknown; choose from windows, shortened"),
        (("fit",), [], r", fit: \[\] is unknown"),
        (("max_answer_tokens",), 0, ", max_answer_tokens: must be >= 1, got 0"),
        (("max_answer_tokens",), 2.5, ", max_answer_tokens: 2.5 is not a whole number"),
        (("no_answer_threshold",), "0", ", no_answer_threshold: '0' is not a number; give one, or null to always ans"),
        (("no_answer_threshold",), True, ", no_answer_threshold: True is not a number"),
        (("no_answer_threshold",), float("nan"), ", no_answer_threshold: nan is not a number"),
        (("windows", "stride"), "many", ", windows.stride: 'many' is not a whole number"),
        (("windows", "stride"), ..., ", windows: has no 'stride'; it has 'max_length'"),
        (("windows", "step"), 3, ", windows: the field 'step' is unknown; did you mean 'stride'"),
        (("windows",), [], r", windows: \[\] is not an object"),
        (("layout",), ..., ": has no 'layout'; it has 'windows'"),
        (("threshold",), 3, ": the field 'threshold' is unknown; did you mean 'no_answer_threshold'"),
    ],
)
def test_faults_name_file_and_field(tmp_path, path, value, message):
    (tmp_path / FILE).write_text(json.dumps(changed(SAVED, path, value)))
    with pytest.raises(UserError, match=f"^{tmp_path / FILE}{message}") as error:
        ReaderConfig.load(tmp_path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [('{"layout": ', ", line 1, column 12: is not JSON"), ("[]", r": \[\] is not an object"), ("", ": is empty")],
)
def test_faulty_documents(tmp_path, text, message):
    (tmp_path / FILE).write_text(text)
    with pytest.raises(UserError, match=f"^{tmp_path / FILE}{message}"):
        ReaderConfig.load(tmp_path)


def test_windows_of_another_length_share_at_most_a_third():
    config = ReaderConfig("paragraphs", WindowConfig(96, 5, 40, 7))
    assert config.with_max_length(30) == replace(config, windows=WindowConfig(30, 5, 40, 7))
    assert config.with_max_length(14) == replace(config, windows=WindowConfig(14, 4, 40, 7))


def test_the_layout_decides_what_a_window_holds():
    question = Question("q", "Who?", (Segment("Ada did.", "Deeds"), Segment("Ben did.")))

    def read(**options):
        windows = ReaderConfig(**options).windows_of([question], wordpiece())
        return [sorted(set(window["segments"].tolist()) - {-1}) for window in windows]

    assert read() == [[3], [5]]
    assert read(layout="paragraphs") == [[0, 1, 2, 3, 5]]
    small = {"layout": "paragraphs", "windows": WindowConfig(max_length=15)}
    assert read(**small) == [[0, 1, 2, 3], [0, 1, 5]]
    assert read(**small, fit="shortened") == [[0, 1, 2, 3, 5]]
