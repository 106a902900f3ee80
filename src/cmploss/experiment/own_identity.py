"""The identity of what a user has written, an objective or a measure: its source, and its settings in JSON types."""

import copyreg
import hashlib
import inspect
import json
import math
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass
from functools import partial
from pathlib import Path
from types import CodeType
from typing import Any

from cmploss.errors import UserError
from cmploss.experiment.run_dir import one_line

_WRITTEN = {"__module__", "__doc__", "__dict__", "__weakref__", "__annotations__", "__dataclass_fields__"}
"""Attributes of a class that do not change what it computes."""


def own_settings(own: Any, what: str) -> dict[str, Any]:
    """What distinguishes an object from others of its source; {} for a function of a module.

    These are the fields of a dataclass except those with ``compare=False``, the attributes of another object, the
    arguments of a ``partial``, or the captured variables and defaults of a function inside another one.

    Raises:
        UserError: A value cannot be recorded. ``what`` is the subject of the message.
    """
    found, name = {}, "state"
    try:
        for name, value in _state(own).items():
            found[name] = _json(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise UserError(
            f"{what}: its {name} cannot be recorded ({one_line(error)}), so a change of it would not be noticed; "
            "write a dataclass, with field(compare=False) for what changes no result"
        ) from error
    return found


def source_of(own: Any, path: str | None = None) -> dict[str, Any]:
    """The import path, source file and its hash; without a file, as in a notebook, the hash of the compiled code."""
    owner, file = _owner(own), None
    with suppress(TypeError, OSError):  # built in, or a class of a notebook
        file = inspect.getsourcefile(owner)
    content: bytes | None
    if file and Path(file).is_file():
        name, content = Path(file).name, Path(file).read_bytes()
    else:
        name, compiled = None, _compiled(owner)
        content = None if isinstance(compiled, str) else json.dumps(compiled).encode()  # None: built in
    sha256 = None if content is None else hashlib.sha256(content).hexdigest()
    return {"import": path or _import_path(own), "file": name, "sha256": sha256}


def qualified_name(own: Any) -> str:
    """``module:name`` of a function or class, or of the class of an object."""
    owner = _owner(own)
    return f"{owner.__module__}:{owner.__qualname__}"


def _compiled(owner: Any) -> Any:
    """What a function computes, or the functions and other attributes of a class, in JSON types."""
    if inspect.isclass(owner):
        classes = [each for each in owner.__mro__ if each.__module__ == owner.__module__]
        return [{name: _compiled(of) for name, of in vars(each).items() if name not in _WRITTEN} for each in classes]
    function = getattr(owner, "__func__", None) or getattr(owner, "fget", None) or owner  # class methods, properties
    code = getattr(function, "__code__", function)
    if not isinstance(code, CodeType):
        return repr(code) if isinstance(code, (str, int, float, tuple, frozenset)) else type(code).__name__
    return [code.co_code.hex(), code.co_names, [_compiled(each) for each in code.co_consts]]


def _import_path(own: Any) -> str | None:
    path = qualified_name(own)
    found = None if path.startswith("__main__:") else _loaded(path)
    return path if found is own or found is type(own) else None


def _loaded(path: str) -> Any:
    """The object at ``module:name``; None without one."""
    module, _, name = path.partition(":")
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def _owner(own: Any) -> Any:
    while isinstance(own, partial):
        own = own.func
    return own if inspect.isroutine(own) or inspect.isclass(own) else type(own)


def _state(value: Any) -> dict[str, Any]:
    """The values that distinguish an object from others of its source, by name."""
    if isinstance(value, partial):
        function = _state(value.func)
        return {
            **({"function": function} if function else {}),
            **({"args": value.args} if value.args else {}),
            **value.keywords,
        }
    if inspect.ismethod(value):
        of = value.__self__ if inspect.isclass(value.__self__) else type(value.__self__)
        inherited = f"{qualified_name(of)}.{value.__name__}" != qualified_name(value)
        return {**({"class": qualified_name(of)} if inherited else {}), **_state(value.__self__)}
    if inspect.isfunction(value) and _loaded(qualified_name(value)) is not value:
        captured = inspect.getclosurevars(value).nonlocals
        parameters = inspect.signature(value, follow_wrapped=False).parameters
        found = {**captured, **{name: each.default for name, each in parameters.items()}}
        without = (None, inspect.Parameter.empty, value)  # a function may call itself
        return {name: each for name, each in found.items() if not any(each is one for one in without)}
    if inspect.isroutine(value) or inspect.isclass(value):
        return {}
    if is_dataclass(value):
        return {each.name: getattr(value, each.name) for each in fields(value) if each.compare}
    state: Any = object.__getstate__(value)
    parts = state if isinstance(state, tuple) else (state,)  # with slots: those of both kinds
    return {name: each for part in parts if part for name, each in part.items()}


def _json(value: Any) -> Any:
    """A value in JSON types: objects by what pickle would save of them, arrays and bytes by a hash."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # nan is not equal to itself
    if value is None or isinstance(value, (str, int, float)):
        return value
    if inspect.ismodule(value):
        return value.__name__
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return {"name": qualified_name(value), "fields": [_json(item) for item in value]}
    if isinstance(value, (list, tuple)):
        return [_json(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((_json(item) for item in value), key=json.dumps)
    if isinstance(value, Mapping):
        return {str(name): _json(item) for name, item in value.items()}
    if isinstance(value, (bytes, bytearray)):
        return {"sha256": hashlib.sha256(value).hexdigest()}
    if inspect.isroutine(value) or inspect.isclass(value) or isinstance(value, partial):
        source = {"name": qualified_name(value), "sha256": source_of(value)["sha256"]}
        return source | ({"settings": _json(state)} if (state := _state(value)) else {})
    if is_dataclass(value):
        return {"name": qualified_name(value), "fields": _json(_state(value))}
    if hasattr(value, "__array__"):
        return _array(value)
    reduce = copyreg.dispatch_table.get(type(value))
    saved = reduce(value) if reduce else value.__reduce_ex__(2)  # raises TypeError for an open file, a lock and others
    if isinstance(saved, str):
        return saved
    _, arguments, *more = saved
    given = [each for each in arguments if each is not type(value)]
    parts = [list(part) if isinstance(part, Iterator) else part for part in (given, *more) if part]
    return {"name": qualified_name(value), "saved": _json(parts)}


def _array(value: Any) -> Any:
    import numpy as np

    if hasattr(value, "detach"):  # a tensor, which may have a type or a device that numpy lacks
        value = value.detach().cpu().double()
    array = np.asarray(value)
    if not array.ndim or array.dtype.hasobject:
        return _json(array.tolist())
    return _json(f"{array.dtype} {array.shape} ".encode() + array.tobytes())
