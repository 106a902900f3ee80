"""Every reader takes or refuses damaged files in one line; ``benchmarks/fuzz_readers.py`` does it with many more."""

import importlib.util
import random
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

FILE = Path(__file__).parents[2] / "benchmarks" / "fuzz_readers.py"
spec = importlib.util.spec_from_file_location("fuzz_readers", FILE)
fuzz = importlib.util.module_from_spec(spec)
spec.loader.exec_module(fuzz)


@pytest.mark.parametrize("name", fuzz.READERS)
def test_a_valid_file_is_read(name, tmp_path):
    """Else the damaged ones would all be refused for the same reason."""
    file, read, seeds = fuzz.READERS[name]
    for content in seeds:
        (tmp_path / file).write_bytes(content)
        if name == "index":
            (tmp_path / "ids.txt").write_text("a\nb\n")
            (tmp_path / "vectors.npy").write_bytes(fuzz.array(fuzz.np.ones((2, 2), fuzz.np.float16)))
        assert read(tmp_path / file) is not None


@settings(max_examples=1000, deadline=None)
@given(name=st.sampled_from(list(fuzz.READERS)), seed=st.integers(0, 2**32), whole=st.binary(max_size=40))
def test_a_damaged_file_is_read_or_refused(tmp_path_factory, name, seed, whole):
    draw = random.Random(seed)
    content = whole if seed % 4 == 0 else fuzz.damaged(draw.choice(fuzz.READERS[name][2]), draw)
    folder = tmp_path_factory.getbasetemp() / "damaged"
    folder.mkdir(exist_ok=True)
    assert fuzz.finding(name, content, folder) is None


def test_a_finding_is_found(tmp_path, monkeypatch):
    monkeypatch.setitem(fuzz.READERS, "json lines", ("f", lambda path: {}["a"], [b""]))
    assert "KeyError: 'a'" in fuzz.finding("json lines", b"", tmp_path)
    monkeypatch.setattr(fuzz, "READERS", {"json lines": fuzz.READERS["json lines"]})
    assert fuzz.main(["--inputs", "3"]) == 1
