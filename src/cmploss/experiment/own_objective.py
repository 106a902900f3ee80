"""The import of a user's own objective."""

import importlib
import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, get_type_hints

from cmploss.errors import UserError
from cmploss.experiment.run_dir import one_line
from cmploss.objectives.base import Objective
from cmploss.settings import Setting

ENTRY_POINTS = "cmploss.objectives"


def entry_point(name: str) -> str | None:
    """The import path of a name in the entry point group ``cmploss.objectives``."""
    return next((found.value for found in entry_points(group=ENTRY_POINTS, name=name)), None)


def import_object(path: str, what: str = "objective") -> Any:
    """The object at ``module:name``; modules in the current directory are found too."""
    module_name, _, name = path.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found: Any = importlib.import_module(module_name)
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and error.name and f"{module_name}.".startswith(f"{error.name}."):
            raise UserError(f"{what} {path}: no module named {error.name!r} in {here} or among packages") from error
        raise UserError(f"{what} {path}: importing {module_name} failed: {one_line(error)}") from error
    for part in name.split("."):
        if not hasattr(found, part):
            close = get_close_matches(part, dir(found), n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise UserError(f"{what} {path}: {module_name} has no attribute {part!r}{hint}")
        found = getattr(found, part)
    if not callable(found):
        raise UserError(f"{what} {path}: a {type(found).__name__} is not callable")
    return found


def load_objective(path: str, settings: Mapping[str, Any]) -> Objective:
    """The objective at an import path: an instance of a class with the settings, or a ready function or object.

    Settings are given by field; text is converted to the type of the field.
    """
    found = import_object(path)
    if not isinstance(found, type):
        if settings:
            raise UserError(f"objective {path}: takes no settings because it is not a class; got {', '.join(settings)}")
        ready: Objective = found
        return ready
    known = _fields_of(found)
    values = {}
    for name, value in settings.items():
        if known is not None and name not in known:
            raise UserError(f"objective {path}: unknown setting {name!r}; choose from {', '.join(known) or 'none'}")
        kind = known[name] if known is not None else Any
        try:
            values[name] = Setting(name, name, kind, None).read(value) if isinstance(value, str) else value
        except UserError as error:
            raise UserError(f"objective {path}: {error}") from error
    try:
        objective: Objective = found(**values)
    except (TypeError, ValueError) as error:
        raise UserError(f"objective {path}: {one_line(error)}") from error
    if not callable(objective):
        raise UserError(f"objective {path}: an instance of {found.__name__} is not callable")
    return objective


def _fields_of(found: type) -> dict[str, Any] | None:
    if not is_dataclass(found):
        return None
    try:
        types = get_type_hints(found)
    except Exception:  # a user's type hints may be impossible to evaluate
        types = {}
    return {each.name: types.get(each.name, Any) for each in fields(found) if each.init}
