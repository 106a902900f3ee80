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
    limits = ("deserialization_vector_byte_limit", "deserialization_loop_limit")
    before = {name: getattr(faiss, f"get_{name}")() for name in limits}
    try:
        for name in limits:
            getattr(faiss, f"set_{name}")(path.stat().st_size)
        index = faiss.read_index(str(path))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except (RuntimeError, MemoryError) as error:
        raise UserError(f"{path}: {fault}") from error
    finally:
        for name, value in before.items():
            getattr(faiss, f"set_{name}")(value)
    if index is None:  # faiss has a code for no index
        raise UserError(f"{path}: {fault}")
    return index
