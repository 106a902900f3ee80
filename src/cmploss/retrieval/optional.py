"""Packages that only retrieval needs, imported where they are used."""

from importlib import import_module
from pathlib import Path
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


def read_faiss(path: Path, fault: str) -> Any:
    """An index of faiss; a file that says to need more memory than its own size is refused."""
    faiss = extra("faiss")
    try:
        size = path.stat().st_size
        for limit in (faiss.set_deserialization_vector_byte_limit, faiss.set_deserialization_loop_limit):
            limit(size)
        index = faiss.read_index(str(path))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except (RuntimeError, MemoryError) as error:
        raise UserError(f"{path}: {fault}") from error
    if index is None:  # faiss has a code for no index
        raise UserError(f"{path}: {fault}")
    return index
