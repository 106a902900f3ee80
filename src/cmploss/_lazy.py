"""Packages that import a name when it is first used, so that ``import cmploss`` and ``--help`` stay cheap."""

import ast
import inspect
import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class _LazyPackage(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name not in self.__all__:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        value = getattr(import_module(self._source[name]), name)
        setattr(self, name, value)
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        # Python sets a submodule as an attribute once it is imported; a public name of the same spelling wins.
        if isinstance(value, ModuleType) and name in self.__all__:
            value = getattr(value, name)
        super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self.__all__})


def import_when_used(package: str) -> None:
    """Make a package import the names of its ``if TYPE_CHECKING`` block when they are first used.

    Type checkers and editors read these imports; ``name as name`` marks a public name (PEP 484). They become
    ``__all__``. Call it at the end of ``__init__.py``.
    """
    module = sys.modules[package]
    imports = [node for node in ast.walk(ast.parse(inspect.getsource(module))) if isinstance(node, ast.ImportFrom)]
    source = {each.name: str(node.module) for node in imports for each in node.names if each.asname == each.name}
    vars(module).update(_source=source, __all__=sorted(source))
    module.__class__ = _LazyPackage
