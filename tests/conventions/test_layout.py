"""Short files, and imports that run one way."""

import ast
from pathlib import Path

import pytest

import cmploss

SOURCE = Path(cmploss.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
LONGEST = 300

# What each room may import besides itself: the rooms before it, as the design has them.
SHARED = {"errors"}
MAY_IMPORT = {
    "errors": set(),
    "losses": set(),
    "ablation": set(),
    "measures": set(),
    "decoding": set(),
    "records": set(),
    "engine": {"losses", "ablation"},
    "objectives": {"losses", "ablation", "engine", "options"},
    "training": {"losses", "ablation", "engine", "objectives"},
    "tasks": {"measures"},
    "qa": {"losses", "ablation", "engine", "objectives", "measures", "decoding", "tasks", "options"},
    "models": set(),
    "reader": {"tasks", "qa", "models"},
    "options": set(),
    "retrieval": {
        *("losses", "ablation", "measures", "records", "engine", "objectives", "training", "models", "studies"),
        "reports",
    },
    "reports": {"records", "measures"},
    "studies": {
        *("losses", "ablation", "measures", "records", "engine", "objectives", "training", "tasks"),
        *("qa", "models", "options", "reports", "decoding", "reader"),
    },
    "cli": {
        *("losses", "ablation", "measures", "records", "engine", "objectives", "training", "tasks"),
        *("qa", "models", "options", "reports", "decoding", "studies", "reader", "retrieval"),
    },
}


def room_of(path):
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return parts[0]


def rooms_imported(text):
    """Rooms of cmploss that a source imports, wherever the import stands."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.level:
            raise AssertionError("relative import")
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module] if node.module != "cmploss" else [f"cmploss.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        found |= {name.split(".")[1] for name in names if name.startswith("cmploss.")}
    return found


def test_the_checker_sees_every_form_of_import():
    text = "import cmploss.cli.main\ndef f():\n    from cmploss.studies import Study\nfrom cmploss import losses, tasks"
    assert rooms_imported(text) == {"cli", "studies", "losses", "tasks"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_files_are_short(path):
    assert len(path.read_text().splitlines()) <= LONGEST


def test_every_room_has_its_rule():
    rooms = {room_of(path) for path in FILES} - {"__init__", "__main__"}
    assert rooms <= set(MAY_IMPORT)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_run_one_way(path):
    room = room_of(path)
    if room in ("__init__", "__main__"):  # the public names; python -m cmploss
        allowed = set(MAY_IMPORT) - {"cli"} if room == "__init__" else {"cli"}
    else:
        allowed = {room} | SHARED | MAY_IMPORT[room]
    assert rooms_imported(path.read_text()) <= allowed


def test_the_rules_have_no_cycle():
    order = []
    while len(order) < len(MAY_IMPORT):
        ready = [room for room, rooms in MAY_IMPORT.items() if room not in order and rooms <= set(order)]
        assert ready, f"a cycle among {set(MAY_IMPORT) - set(order)}"
        order += ready
    assert order[-1] == "cli"
