"""What reads data runs no code of it, and what it says of it is one line."""

import ast
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

import cmploss
from cmploss.errors import LONGEST, UserError
from cmploss.options import parse_arguments
from cmploss.tasks.data_config import DataConfig

SOURCE = Path(cmploss.__file__).parent
CALLS = {
    *("pickle.load", "pickle.loads", "torch.load", "yaml.load", "yaml.unsafe_load", "yaml.full_load", "marshal.loads"),
    *("eval", "exec", "compile", "os.system", "shelve.open", "joblib.load", "shutil.unpack_archive", "tarfile.open"),
    *("zipfile.ZipFile", "importlib.import_module", "import_module", "__import__"),
}
ALLOWED = {
    # The study of a job writes its standard input, or passes it to its own worker of Ray; no file is unpickled.
    ("studies/run_worker.py", "pickle.load"),
    ("studies/backends.py", "pickle.load"),
    ("tasks/prf/convert.py", "torch.load"),  # of tensors alone: weights_only
    ("options.py", "yaml.load"),  # with a subclass of SafeLoader
    ("training/checkpoints.py", "zipfile.ZipFile"),  # is the archive whole?
    # Modules that the package or the user's own command names, never a file of data.
    ("_lazy.py", "import_module"),
    ("cli/main.py", "import_module"),
    ("cli/recipes.py", "import_module"),
    ("cli/print_config.py", "import_module"),
    ("cli/completion.py", "import_module"),
    ("studies/backends.py", "import_module"),
    ("retrieval/optional.py", "import_module"),
    ("tasks/loading.py", "import_module"),
    ("experiment/own_objective.py", "importlib.import_module"),
}
KEYWORDS = {"allow_pickle", "trust_remote_code", "shell"}


def calls_of(text):
    """Dotted names of the functions that a source calls, and the keywords of the calls that are True or False."""
    names, keywords = set(), set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            names.add(ast.unparse(node.func))
            keywords |= {keyword.arg for keyword in node.keywords if keyword.arg in KEYWORDS}
    return names, keywords


def test_the_scan_sees_calls():
    assert calls_of("x = pickle.load(f)\nnp.load(f, allow_pickle=True)") == (
        {"pickle.load", "np.load"},
        {"allow_pickle"},
    )


def test_no_reader_runs_code():
    found, keywords = set(), set()
    for path in SOURCE.rglob("*.py"):
        names, given = calls_of(path.read_text(encoding="utf-8"))
        found |= {(str(path.relative_to(SOURCE)), name) for name in names & CALLS}
        keywords |= {(str(path.relative_to(SOURCE)), name) for name in given}
    assert found == ALLOWED
    assert keywords == set()


@given(st.text(max_size=50), st.integers(0, 10_000))
def test_a_message_is_one_short_line(text, length):
    message = str(UserError(f"file: {text}{'x' * length}{text} is wrong"))
    assert len(message.splitlines()) <= 1
    assert len(message) <= LONGEST + 3
    assert message.startswith("file: ")
    assert message.endswith(" is wrong")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("train_file: a\ntrain_file: b\n", "train_file is given twice"),
        ("train_file: !!python/object/apply:os.system [touch run]\n", "could not determine a constructor"),
        ("[" * 5000, "nested too deeply"),
    ],
)
def test_yaml_is_data(content, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("s.yaml").write_text(content)
    with pytest.raises(UserError, match=words):
        parse_arguments(["s.yaml"], [DataConfig])
    assert [path.name for path in Path().iterdir()] == ["s.yaml"]
