"""Short files with names of their own, and imports that run one way, as the table of docs/design.md says."""

import ast
import re
from collections import Counter
from pathlib import Path

import cmploss

SOURCE = Path(cmploss.__file__).parent
DESIGN = Path(__file__).parents[2] / "docs" / "design.md"
FILES = sorted(SOURCE.rglob("*.py"))
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}
LONGEST = 300
IMPORTS = (ast.Import, ast.ImportFrom)
FACES = ("__init__", "__main__")  # the public names; python -m cmploss


def allowed_imports(text):
    """Package -> what it may import, from the table "Packages": all packages above it, or those that it names."""
    rows = re.findall(r"^\| (`.+?) \| .+? \| (.+?) \|$", text.partition("## Packages")[2].partition("\n## ")[0], re.M)
    assert rows
    allowed = {}
    for packages, imports in rows:
        for package in re.findall(r"`(\w+)`", packages):
            allowed[package] = set(allowed) if imports == "packages above" else set(re.findall(r"`(\w+)`", imports))
    return allowed


def package_of(path):
    return path.relative_to(SOURCE).with_suffix("").parts[0]


def modules_imported(tree):
    """Modules of cmploss that a source imports, wherever the import stands."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            found.add("cmploss.relative import")
        elif isinstance(node, ast.ImportFrom) and node.module == "cmploss":
            found |= {f"cmploss.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name.startswith("cmploss.")}


def packages_imported(tree):
    return {name.split(".")[1] for name in modules_imported(tree)}


def test_the_checker_sees_every_form_of_import():
    text = "import cmploss.cli.main\ndef f():\n    from cmploss.studies import Study\nfrom cmploss import losses, tasks"
    assert packages_imported(ast.parse(text)) == {"cli", "studies", "losses", "tasks"}
    assert packages_imported(ast.parse("from . import x")) == {"relative import"}


def test_the_table_is_read():
    rows = ("| a | b | c |", "|---|---|---|", "| `x`, `y` | one | packages above |", "| `z` | two | `x` |")
    text = "\n".join(("## Packages", *rows, "", "## End", "| `w` | | |"))
    assert allowed_imports(text) == {"x": set(), "y": {"x"}, "z": {"x"}}


def test_files_are_short():
    lines = {str(path.relative_to(SOURCE)): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {name: count for name, count in lines.items() if count > LONGEST} == {}


def test_hardly_any_two_files_share_a_name():
    names = Counter(path.name for path in FILES if path.stem not in FACES)
    assert sum(count for count in names.values() if count > 1) <= 0.05 * names.total(), names.most_common(5)


def test_imports_run_one_way():
    allowed = allowed_imports(DESIGN.read_text(encoding="utf-8"))
    offenders = {}
    for path, tree in TREES.items():
        package = package_of(path)
        if package == "__init__":
            rule = set(allowed) - {"cli"}
        else:
            rule = {"cli"} if package == "__main__" else {package} | allowed.get(package, set())
        if extra := packages_imported(tree) - rule - {"__version__"}:
            offenders[str(path.relative_to(SOURCE))] = sorted(extra)
    assert offenders == {}
    assert set(allowed) == {package_of(path) for path in FILES} - set(FACES)


def test_modules_of_the_package_have_no_circle():
    """Imports that run when a module is imported. Faces import names when they are used, so they are left out."""
    names = {path: ".".join(("cmploss", *path.relative_to(SOURCE).with_suffix("").parts)) for path in FILES}
    modules = {name: TREES[path] for path, name in names.items() if path.stem not in FACES}
    at_once = {name: ast.Module([n for n in tree.body if isinstance(n, IMPORTS)], []) for name, tree in modules.items()}
    waiting = {name: modules_imported(tree) & set(modules) - {name} for name, tree in at_once.items()}
    while ready := [name for name, imports in waiting.items() if not imports & set(waiting)]:
        for name in ready:
            del waiting[name]
    assert sorted(waiting) == []


def test_the_cpu_path_has_one_entry():
    """Only the names of ``cmploss.cpu`` itself are used outside its folder."""
    users = {package_of(path): names for path, tree in TREES.items() if (names := inner_names(tree, "cmploss.cpu."))}
    assert set(users) <= {"cpu"}


def inner_names(tree, prefix):
    return [name for name in modules_imported(tree) if name.startswith(prefix)]
