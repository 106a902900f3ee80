"""The one writer of results: a file is complete or does not exist."""

import json
import math
import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeVar

from cmploss.errors import UserError

Found = TypeVar("Found")
_LEFTOVER = re.compile(r"\..+\.\d+\.tmp|.+\.json\.\d+")  # the second form is of an earlier version


def is_leftover(path: Path) -> bool:
    """Whether a file is what a process that was killed left of one that it was writing."""
    return _LEFTOVER.fullmatch(path.name) is not None


def read_json(path: Path, parse: Callable[[Any], Found] = lambda found: found) -> Found:
    """Read a file that :func:`write_json` wrote; ``parse`` takes what is needed from the JSON value.

    Raises:
        UserError: It is not JSON, or ``parse`` does not find its parts.
    """
    remedy = "remove it and give the same command again"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not valid JSON ({error}); {remedy}") from error
    try:
        return parse(found)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else error
        raise UserError(f"{path} is damaged ({reason}); {remedy}") from error


@contextmanager
def writing(path: str | Path, *, exclusive: bool = False) -> Iterator[IO[bytes]]:
    """Open a binary file that takes its name only once it is complete and on disk.

    Missing folders are made. An existing file is replaced; with ``exclusive`` it raises a ``UserError``.
    """
    path = Path(path)
    if exclusive:
        _refuse_existing(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Process ids of two machines may be equal. A name has 255 bytes at most.
    temporary = path.with_name(f".{path.name[:50]}.{secrets.randbits(64)}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if exclusive:
            _refuse_existing(path)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: str | Path, content: bytes, *, exclusive: bool = False) -> None:
    with writing(path, exclusive=exclusive) as file:
        file.write(content)


def write_text(path: str | Path, content: str | Iterable[str], *, exclusive: bool = False) -> None:
    with writing(path, exclusive=exclusive) as file:
        for piece in [content] if isinstance(content, str) else content:
            file.write(piece.encode("utf-8"))


def write_json(path: str | Path, content: object, *, exclusive: bool = False) -> None:
    write_text(path, json.dumps(content, ensure_ascii=False, indent=1) + "\n", exclusive=exclusive)


def nulled(value: Any) -> Any:
    """A copy of nested dicts and lists in which numbers that are not finite are None: JSON has no such numbers."""
    if isinstance(value, dict):
        return {key: nulled(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [nulled(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _refuse_existing(path: Path) -> None:
    if path.exists():
        raise UserError(f"{path} exists already; give another name")
