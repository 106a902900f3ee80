"""The texts of predictions: one file per split, next to the records."""

import json
from collections.abc import Sequence
from pathlib import Path

from cmploss.atomic import read_json, write_text
from cmploss.errors import UserError

FOLDER = "examples"

Text = tuple[str, str]
"""The texts of an example: a text and the second text of a pair, or a question and its context; "" if missing."""


def write_texts(texts: Sequence[Text], sha256: str, folder: Path) -> Path:
    """Write the texts of one split, once, to ``examples/<fingerprint>.json`` in a study's folder."""
    path = folder / FOLDER / f"{sha256}.json"
    if not path.exists():
        lines = ",\n".join(json.dumps(text, ensure_ascii=False) for text in texts)
        write_text(path, f"[\n{lines}\n]\n")
    return path


def read_texts(folder: Path) -> dict[str, list[Text]]:
    """Fingerprint → the texts of that split, for every split with texts in a study's folder."""
    return {path.stem: _read(path) for path in sorted(folder.glob(f"{FOLDER}/*.json"))}


def _read(path: Path) -> list[Text]:
    texts = read_json(path, lambda found: [(text, more) for text, more in found])
    if not all(isinstance(text, str) and isinstance(more, str) for text, more in texts):
        raise UserError(f"{path}: every example must be two strings; remove the file")
    return texts
