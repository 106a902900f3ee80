"""Texts beside the records."""

import pytest

from cmploss.errors import UserError
from cmploss.experiment.example_store import read_texts, write_texts


def test_texts_come_back_as_they_were_written(tmp_path):
    texts = [("Grüße 🙂 <script>", ""), ("line\nbreak", "second")]
    path = write_texts(texts, "abc", tmp_path)
    assert path == tmp_path / "examples" / "abc.json"
    assert read_texts(tmp_path) == {"abc": texts}
    assert len(path.read_text().splitlines()) == 4  # one line an example


def test_a_part_is_written_once(tmp_path):
    path = write_texts([("a", "")], "abc", tmp_path)
    before = path.stat().st_mtime_ns
    write_texts([("a", "")], "abc", tmp_path)
    assert path.stat().st_mtime_ns == before


def test_no_texts_are_no_error(tmp_path):
    assert read_texts(tmp_path) == {}


@pytest.mark.parametrize("content", ["{", "[1]", '[["a"]]', '[["a", 1]]'])
def test_a_faulty_file_is_named(tmp_path, content):
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples" / "abc.json").write_text(content)
    with pytest.raises(UserError, match=r"abc\.json.* remove (it|the file)"):
        read_texts(tmp_path)
