"""The texts of the reported part, kept beside the records so that a report can show them."""

from pathlib import Path

from cmploss.reports.example_store import Text, write_texts
from cmploss.tasks.base import AnyData, reported_part
from cmploss.tasks.qa import Question, QuestionData


def write_examples(data: AnyData, folder: Path) -> Path:
    """Write the texts that the predictions of a study are about, once for each fingerprint.

    Texts as they are; of a pair both; of a question its context: the evidence where it is flagged, else everything.

    Args:
        data: The data of the study.
        folder: Of the study; the file is ``examples/<fingerprint of the reported part>.json``.

    Returns:
        The path of the file.
    """
    part = reported_part(data)
    return write_texts(_texts(data, part), data.fingerprints()[part], folder)


def _texts(data: AnyData, part: str) -> list[Text]:
    if isinstance(data, QuestionData):
        return [(question.text, _context(question)) for question in getattr(data, part)]
    columns = getattr(data, part)[:]
    pairs = columns.get("text_pair") or [""] * len(columns["text"])
    return list(zip(columns["text"], pairs, strict=True))


def _context(question: Question) -> str:
    evidence = [segment for segment in question.segments if segment.evidence]
    kept = evidence or question.segments
    return "\n".join(f"{segment.title}: {segment.text}" if segment.title else segment.text for segment in kept)
