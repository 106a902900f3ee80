"""Reads ``retrieval.json``, which ``cmploss retrieve evaluate`` wrote in earlier versions, as records of schema 2."""

import json
from pathlib import Path
from typing import Any

from cmploss.errors import UserError

RETRIEVAL_FILE = "retrieval.json"
SPLIT = "test"


def upgraded_evaluation(path: Path) -> list[dict[str, Any]]:
    """One record for every method, seed and number of passages; no feedback and other tools' runs are in all of them.

    The file has the values of each query averaged over seeds, which every seed gets here: differences, intervals and
    tests over queries average over seeds anyway, and the means of the seeds are their own.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["schema"] != 1:
            raise KeyError(f"schema {document['schema']}")
        sizes = sorted({row["passages"] for row in document["rows"] if row["passages"] is not None})
        return [
            _record(document, row, place, size)
            for row in document["rows"]
            for size in (sizes if row["passages"] is None or row["method"] == "none" else [row["passages"]])
            for place in range(len(row["seeds"]) or 1)
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise UserError(f"{path}: not a readable evaluation ({error}); remove it and evaluate again") from error


def _record(document: dict[str, Any], row: dict[str, Any], place: int, size: int) -> dict[str, Any]:
    data, settings, primary = document["data"], document["settings"], document["primary"]
    values = {name: of[place] for name, of in row["scores"].items()}
    if row["change"]:
        values |= {f"queries {name}": row["change"][primary][name][place] for name in ("helped", "hurt")}
    if row["hurt_by_more"]:
        values["hurt by the last passage"] = row["hurt_by_more"][place]
    by_query = {name: [100 * value for value in of] for name, of in row["by_query"].items()}
    return {
        "benchmark": {
            "task": f"queries {settings['queries']}",
            "measure": primary,
            "eval_split": SPLIT,
            "selection_split": None,
            "unit": "query",
        },
        "condition": {
            "train_size": None,
            "noise": {"kind": "none", "level": 0.0},
            "steps": None,
            "others": {"passages": size},
        },
        "objective": {"name": row["method"], "kind": row["method"], "settings": {}, "source": None},
        "seed": row["seeds"][place] if row["seeds"] else 0,
        "settings": settings | {"training": document["reformulators"].get(row["method"], {}).get("settings", {})},
        "data": {"splits": {SPLIT: {"examples": len(data["queries"]), "sha256": settings["queries"]}}},
        "scores": [{"split": SPLIT, "measure": name, "value": 100 * value, "at": {}} for name, value in values.items()],
        "predictions": {SPLIT: {"ids": data["queries"], **by_query}},
        "history": [],
        "cost": {},
        "environment": document["environment"],
        "created": document["created"],
        "schema": 2,
    }
