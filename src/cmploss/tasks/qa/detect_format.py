"""Files of questions of every form, known by what is in them."""

import json
from pathlib import Path
from typing import Any

from cmploss.errors import UserError
from cmploss.tasks.data_tables import listed, shown
from cmploss.tasks.qa.hotpotqa import read_hotpotqa
from cmploss.tasks.qa.json_nodes import read_document
from cmploss.tasks.qa.passages_jsonl import read_segments
from cmploss.tasks.qa.questions import Question
from cmploss.tasks.qa.squad import read_squad, squad_rows
from cmploss.tasks.text.table_files import read_table, read_text

KEYS = {"data": read_squad, "segments": read_segments, "contexts": read_hotpotqa, "context": read_hotpotqa}
"""A field that the first object of a form has, and no other form -> its reader."""
TABLES = (".csv", ".tsv", ".parquet")


def read_questions(path: Path, *, labelled: bool = True) -> list[Question]:
    """Read a file of questions; its form is known by its content.

    Args:
        path: SQuAD in its original JSON, a table or lines in the form of the hub, either form of HotpotQA, or objects
            with ``segments``; objects are in one JSON list or one per line.
        labelled: Whether answers and evidence are read; without, they may be missing.

    Raises:
        UserError: It is none of these forms, or a field is missing or faulty; names the place.
    """
    found = {} if path.suffix.lower() in TABLES else _first_object(path)
    if path.suffix.lower() in TABLES or isinstance(found.get("context"), str):
        return squad_rows(read_table(path), labelled=labelled)
    for key, read in KEYS.items():
        if key in found:
            return read(path, labelled=labelled)
    raise UserError(
        f"{path}: its first object has {listed(list(found)) or 'nothing'}, but none of {listed(list(KEYS))}; give "
        "the JSON of SQuAD or HotpotQA, or objects with segments"
    )


def _first_object(path: Path) -> dict[str, Any]:
    """The document itself, or the first object of a list or of lines."""
    text = read_text(path).strip()
    try:
        found, _ = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        found = read_document(path).value  # which names the place of the fault
    if isinstance(found, list) and found:
        found = found[0]
    if not isinstance(found, dict):
        raise UserError(
            f"{path}: {shown(found)} is not an object with questions; give SQuAD's JSON, or a list of objects"
        )
    return found
