"""How deep the modules of studies build on one another."""

import ast
from pathlib import Path

import cmploss

MOST = 6


def depth_of(graph, name, above=()):
    """Modules on the longest way down from one."""
    assert name not in above, f"a cycle: {[*above, name]}"
    return 1 + max((depth_of(graph, below, (*above, name)) for below in graph[name]), default=0)


def imports_of(source, modules):
    """The modules among these that a source imports, wherever the import is."""
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)]
    named = {f"{node.module}.{alias.name}" for node in nodes for alias in node.names} | {node.module for node in nodes}
    return {name for name in modules if f"cmploss.studies.{name}" in named}


def test_depth_and_imports_of_a_small_graph():
    assert depth_of({"a": {"b", "c"}, "b": {"c"}, "c": set()}, "a") == 3
    source = "from cmploss.studies.plan import x\ndef f():\n    from cmploss.studies import run, y"
    assert imports_of(source, ["plan", "run", "study", "runner"]) == {"plan", "run"}


def test_studies_are_at_most_six_modules_deep():
    folder = Path(cmploss.__file__).parent / "studies"
    sources = {path.stem: path.read_text() for path in folder.glob("*.py") if path.stem != "__init__"}
    graph = {name: imports_of(source, sources) for name, source in sources.items()}
    assert {name: depth_of(graph, name) for name in graph if depth_of(graph, name) > MOST} == {}
    assert graph["study"] >= {"plan", "run"}
