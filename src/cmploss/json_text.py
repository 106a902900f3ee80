"""JSON of users: an object with a key twice is refused, since only the last value would be read."""

import json
from typing import Any

from cmploss.errors import UserError


def parse_json(text: str, source: str, line: int | None = None) -> Any:
    """The value of JSON text: of a whole file, or of one line."""
    place = source if line is None else f"{source}, line {line}"
    remedy = "fix the file or download it again" if line is None else "write one object per line"
    try:
        return _DECODER.decode(text)
    except _KeyTwiceError as error:
        raise UserError(f"{place}: an object has the key {error.args[0]!r} twice; give it once") from error
    except json.JSONDecodeError as error:
        where = f"{source}, line {error.lineno}, column {error.colno}" if line is None else place
        raise UserError(f"{where}: is not JSON ({error.msg}); {remedy}") from error
    except RecursionError as error:
        raise UserError(f"{place}: is nested too deeply to be a data set") from error
    except ValueError as error:
        raise UserError(f"{place}: has a number of too many digits; fix the file") from error


class _KeyTwiceError(Exception):
    pass


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _KeyTwiceError(next(name for index, name in enumerate(names) if name in names[:index]))
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_unique)
