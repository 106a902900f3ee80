"""An evaluation of feedback as Markdown and as LaTeX, from its record alone."""

from collections.abc import Mapping

from cmploss.experiment import FeedbackRecord
from cmploss.reports.feedback.table import about, feedback_table
from cmploss.reports.feedback.words import QUESTION, feedback_words
from cmploss.reports.formatting import escape, markdown_grid
from cmploss.reports.latex import escaped, superscript, tabular
from cmploss.reports.settings_diff import facts_markdown, facts_of, values_of


def feedback_markdown(title: str, record: FeedbackRecord) -> str:
    """A page of Markdown: question, answer, table, settings, data, environment and command."""
    answer, *others = feedback_words(record)
    lines = [[escape(cell.text + cell.mark) for cell in line] for line in feedback_table(record)]
    trained = facts_of(feedback_settings(record))
    facts = {"Settings": record.settings, "Data": data_facts(record), "Environment": record.environment}
    sections = [
        f"# {escape(title)}",
        QUESTION,
        escape(answer),
        "\n".join(f"- {escape(sentence)}" for sentence in others),
        markdown_grid(lines),
        escape(about(record)),
        *(["## Training", *facts_markdown(trained, "reformulator")] if record.reformulators else []),
        *(part for name, found in facts.items() for part in (f"## {name}", _grid(values_of([found])))),
        "## Command",
        f"    {' '.join(record.command.split())}",
    ]
    return "\n\n".join(section.rstrip() for section in sections if section) + "\n"


def feedback_latex(title: str, record: FeedbackRecord) -> str:
    """The table as a LaTeX ``tabular``, which needs the package ``booktabs``; what it shows is a comment above it."""
    words = " ".join(feedback_words(record))
    header, *rows = feedback_table(record)
    lines = [[escaped(cell.text) for cell in header]]
    lines += [[escaped(cell.text) + superscript(cell.mark) for cell in row] for row in rows]
    columns = "l" + "r" * (len(header) - 1)
    return tabular(f"{title}: {QUESTION} {words} {about(record)}", columns, lines)


def feedback_settings(record: FeedbackRecord) -> dict[str, dict[str, str]]:
    """Reformulator → setting of training → value; folders and seeds first."""
    return {
        name: {"runs": ", ".join(of["runs"]), "seeds": ", ".join(map(str, of["seeds"])), **values_of([of["settings"]])}
        for name, of in record.reformulators.items()
    }


def data_facts(record: FeedbackRecord) -> dict[str, object]:
    """What there is of the data, without the queries themselves."""
    counts = {name: value for name, value in record.data.items() if name not in ("queries", "texts")}
    return {"queries": len(record.data["queries"]), **counts}


def _grid(values: Mapping[str, str]) -> str:
    return markdown_grid([["name", "value"], *([escape(name), escape(value)] for name, value in values.items())])
