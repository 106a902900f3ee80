"""Packages that only retrieval needs, imported where they are used."""

from importlib import import_module
from typing import Any

from cmploss.errors import UserError


def extra(module: str) -> Any:
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module.partition(".")[0]:
            raise
        name = "faiss" if error.name == "faiss" else "retrieval"
        raise UserError(f"{error.name} is not installed; pip install 'cmploss[{name}]'") from error
