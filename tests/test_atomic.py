"""Files are written as a whole or not at all, by one module."""

import ast
import math
import re
from pathlib import Path

import pytest

import cmploss
from cmploss.atomic import nulled, write_bytes, write_json, write_text, writing
from cmploss.errors import UserError

SOURCE = Path(cmploss.__file__).parent
WRITERS = {"write_text", "write_bytes", "savefig", "savez", "savez_compressed", "save_npz", "tofile"}
WRITERS |= {"open_memmap", "to_csv", "to_json", "to_parquet", "mkstemp", "NamedTemporaryFile"}
OWNED = {"json": {"dump"}, "pickle": {"dump"}, "torch": {"save"}, "np": {"save"}}
# What may write by itself: a kernel interface, and arrays that are filled while documents are encoded.
ALLOWED = {
    ("training/memory.py", "write_text"),
    ("retrieval/index_builder.py", "open_memmap"),
    ("experiment/folder_lock.py", "open"),  # a lock is no result
}


def writes_of(source: str) -> list[str]:
    """Calls that write a file, other than by ``cmploss.atomic`` or into a file that it opened."""
    tree = ast.parse(source)
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "cmploss.atomic"]
    items = [item for node in ast.walk(tree) if isinstance(node, ast.With) for item in node.items]
    safe = {alias.name for node in imports for alias in node.names}
    safe_files = {
        ast.unparse(item.optional_vars)
        for item in items
        if item.optional_vars and ast.unparse(item.context_expr).startswith("writing(")
    }
    found = []
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        owner, _, name = ast.unparse(call.func).rpartition(".")
        arguments = [ast.unparse(argument) for argument in call.args]
        if name == "open":
            modes = [*arguments[bool(not owner) :], *(ast.unparse(key.value) for key in call.keywords)]
            writes = any(re.fullmatch(r"'[rbt+]*[wax+][bt+]*'", mode) for mode in modes)
        elif (not owner and name in safe) or (arguments and arguments[0] in safe_files):
            writes = False
        else:
            writes = name in WRITERS or name in OWNED.get(owner, ())
        found += [name] if writes else []
    return found


@pytest.mark.parametrize(
    ("source", "writes"),
    [
        ("path.open('w', encoding='utf-8')", ["open"]),
        ("open(path, 'ab')", ["open"]),
        ("open(path, mode='r+')", ["open"]),
        ("open(path); path.open('rb'); path.open(encoding='utf-8')", []),
        ("path.write_text('x'); path.write_bytes(b'x')", ["write_text", "write_bytes"]),
        ("from cmploss.atomic import write_text\nwrite_text(path, 'x')", []),
        ("json.dump(x, file); np.save(path, x); torch.save(x, path)", ["dump", "save", "save"]),
        ("with writing(path) as file:\n    np.save(file, x)\n    figure.savefig(other)", ["savefig"]),
        ("model.save(folder); json.dumps(x)", []),
    ],
)
def test_the_checker_sees_calls_that_write(source, writes):
    assert writes_of(source) == writes


def test_nothing_else_writes_files():
    found = {
        (path.relative_to(SOURCE).as_posix(), name)
        for path in SOURCE.rglob("*.py")
        if path.name != "atomic.py"
        for name in writes_of(path.read_text())
    }
    assert found == ALLOWED


def test_text_json_and_bytes_are_written_into_new_folders(tmp_path):
    write_text(tmp_path / "a" / "text", ["one\n", "zwei, drü\n"])
    write_json(tmp_path / "b" / "c.json", nulled({"name": "drü", "value": (1.5, math.nan)}))
    write_bytes(tmp_path / "d", b"\x00\xff")
    assert (tmp_path / "a" / "text").read_bytes() == b"one\nzwei, dr\xc3\xbc\n"
    assert (tmp_path / "b" / "c.json").read_text(encoding="utf-8") == (
        '{\n "name": "drü",\n "value": [\n  1.5,\n  null\n ]\n}\n'
    )
    assert (tmp_path / "d").read_bytes() == b"\x00\xff"


@pytest.mark.parametrize("earlier", [None, "years of work"])
def test_an_error_while_writing_leaves_what_was_there(tmp_path, earlier):
    path = tmp_path / "file"
    if earlier is not None:
        path.write_text(earlier)
    with pytest.raises(AttributeError, match="encode"):
        write_text(path, iter(["half", b"no text"]))
    with pytest.raises(TypeError, match="not JSON serializable"):
        write_json(path, {"c": {1, 2}})
    assert [entry.read_text() for entry in tmp_path.iterdir()] == [earlier] * (earlier is not None)


def test_the_name_appears_only_when_the_file_is_complete(tmp_path):
    path = tmp_path / "file"
    with writing(path) as file:
        file.write(b"content")
        assert not path.exists()
        assert len(list(tmp_path.iterdir())) == 1  # in the same folder, so that renaming cannot fail half-way
    assert path.read_bytes() == b"content"


def test_a_file_is_replaced_unless_that_is_refused(tmp_path):
    path = tmp_path / "predictions.json"
    write_text(path, "old")
    with pytest.raises(UserError, match=rf"^{path} exists already; give another name$"):
        write_json(path, {}, exclusive=True)
    assert path.read_text() == "old"
    write_text(path, "new")
    assert path.read_text() == "new"


def test_a_file_that_appears_meanwhile_is_not_replaced(tmp_path):
    path = tmp_path / "file"

    def ours():
        yield "ours"
        path.write_text("theirs")

    with pytest.raises(UserError, match="exists already"):
        write_text(path, ours(), exclusive=True)
    assert [entry.read_text() for entry in tmp_path.iterdir()] == ["theirs"]


def test_a_name_may_have_as_many_bytes_as_the_file_system_allows(tmp_path):
    write_text(tmp_path / ("é" * 127), "a")
    assert [path.name for path in tmp_path.iterdir()] == ["é" * 127]
