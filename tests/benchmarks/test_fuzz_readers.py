"""Every reader takes or refuses damaged files in one line; ``benchmarks/fuzz_readers.py`` does it with many more."""

import random
import warnings

import pytest
from benchmarks.fuzz_seeds import READERS, Reader
from hypothesis import given, settings, strategies as st

from benchmarks import fuzz_readers as fuzz

FAST = [name for name, reader in READERS.items() if not reader.slow]


@pytest.mark.parametrize("name", READERS)
def test_a_valid_file_is_read(name, tmp_path):
    """Else the damaged ones would all be refused for the same reason."""
    reader = READERS[name]
    for content in reader.seeds:
        fuzz.put(tmp_path, {**reader.beside, reader.file: content})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert reader.read(tmp_path / reader.file) is not None


@settings(max_examples=1000, deadline=None)
@given(name=st.sampled_from(FAST), seed=st.integers(0, 2**32), whole=st.binary(max_size=40))
def test_a_damaged_file_is_read_or_refused(tmp_path_factory, name, seed, whole):
    draw = random.Random(seed)
    content = whole if seed % 4 == 0 else fuzz.damaged(draw.choice(READERS[name].seeds), draw)
    folder = tmp_path_factory.getbasetemp() / f"damaged-{FAST.index(name)}"
    folder.mkdir(exist_ok=True)
    assert fuzz.finding(name, content, folder) is None


@pytest.mark.parametrize("name", ["questions", "segments", "documents", "tags of json", "reader.json", "record"])
def test_a_number_of_too_many_digits(name, tmp_path):
    content = READERS[name].seeds[0]
    for place, byte in enumerate(content):
        if chr(byte).isdigit():
            assert fuzz.finding(name, content[:place] + b"9" * 5000 + content[place + 1 :], tmp_path) is None
    assert fuzz.finding(name, b"9" * 5000, tmp_path) is None


def test_a_finding_is_found(tmp_path, monkeypatch):
    monkeypatch.setitem(READERS, "json lines", Reader("f", lambda path: {}["a"], [b""]))
    assert "KeyError: 'a'" in fuzz.finding("json lines", b"", tmp_path)
    assert fuzz.main(["--inputs", "3", "--readers", "json lines"]) == 1
