"""The tables of the study of docs/protocol.md, and its records.

python benchmarks/evidence.py keep runs/evidence      # the JSON files of its studies to results/evidence
python benchmarks/evidence.py restore runs/evidence   # and back: cmploss recipes run evidence/NAME then continues
python benchmarks/evidence.py                         # make the tables of docs/evidence.md again
"""

import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from evidence_development import candidates, learning_rates
from evidence_passages import distraction, feedback, feedback_by_passages
from evidence_records import finished, keep, restore
from evidence_settings import setting_tables
from evidence_tables import FULL, READERS, TEXTS, answers, confirmed_candidate, defaults, scores, verdicts

from cmploss.atomic import write_text
from cmploss.reports.formatting import markdown_grid

PAGE = Path(__file__).parents[1] / "docs" / "evidence.md"


def state() -> str:
    """How many runs of each confirmation study are finished."""
    counts = finished()
    lines = [[f"`{study}`", f"{done} of {planned}"] for study, (done, planned) in counts.items()]
    total = [sum(of) for of in zip(*counts.values(), strict=True)]
    return markdown_grid([["study", "finished runs"], *lines, ["all", "{} of {}".format(*total)]])


MADE: Mapping[str, Callable[[], str]] = {
    "state": state,
    "answers": answers,
    "verdicts": partial(verdicts, TEXTS),
    "scores": partial(scores, TEXTS),
    "defaults": defaults,
    "settings": setting_tables,
    "full verdicts": partial(verdicts, FULL),
    "full scores": partial(scores, FULL),
    "reader verdicts": partial(verdicts, READERS),
    "reader scores": partial(scores, READERS),
    "distraction": distraction,
    "feedback": feedback,
    "feedback by passages": feedback_by_passages,
    "learning rates": learning_rates,
    "candidates": candidates,
    "confirmed candidate": confirmed_candidate,
}


def page() -> str:
    """docs/evidence.md with its tables made again."""
    text = PAGE.read_text(encoding="utf-8")
    for title, make in MADE.items():
        before, rest = text.split(f"<!-- {title} -->\n\n")
        _, after = rest.split("\n\n<!-- end -->", 1)
        text = f"{before}<!-- {title} -->\n\n{make().strip()}\n\n<!-- end -->{after}"
    return text


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["keep", folder]:
            keep(Path(folder))
        case ["restore", folder]:
            restore(Path(folder))
        case []:
            write_text(PAGE, page())
        case _:
            sys.exit(__doc__)
