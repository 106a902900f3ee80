"""The comparison table in LaTeX, for a paper."""

import re

from cmploss.reports.formats import (
    cost_text,
    difference_text,
    effect_text,
    mark,
    mean_text,
    p_text,
)
from cmploss.reports.tables import ComparisonTable, footnote

_MATHS = {"−": "$-$", "±": r"$\pm$", "–": "--", "Δ": r"$\Delta$", "<": "$<$", ">": "$>$"}
_ESCAPES = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "[": "{[}",  # a row that starts with a bracket would be the option of the line break before it
    "]": "{]}",
    **_MATHS,
}


def latex_table(table: ComparisonTable) -> str:
    r"""The table as a LaTeX ``tabular``, which needs the package ``booktabs``.

    The columns of the Markdown table, the effect size and the passes over the model per step; significance marks are
    superscripts of the differences, and the footnote is a comment above the table, for the caption.

    >>> from cmploss.reports import Row
    >>> row = Row("no_dropout", 81.0, 1.41, 2, None, 9.0, 1.0, {0: 80.0, 1: 82.0})
    >>> print(latex_table(ComparisonTable("tickets", "accuracy", "test", None, "no_dropout", (row,), (0, 1))), end="")
    % tickets: accuracy in percent on test, mean ± sd (runs).
    \begin{tabular}{lllllrr}
    \toprule
    objective & accuracy & $\Delta$ no\_dropout {[}95 \% CI{]} & $p$ & $d_z$ {[}95 \% CI{]} & passes & s/run \\
    \midrule
    no\_dropout & 81.0 $\pm$ 1.4 (2) & -- & -- & -- & 1 & 9 \\
    \bottomrule
    \end{tabular}
    """
    comment = f"{table.task}: {table.measure} in percent on {table.reported_on}, mean ± sd (runs). {footnote(table)}"
    header = [
        "objective",
        _escaped(table.measure),
        _escaped(f"Δ {table.baseline} [95 % CI]"),
        "$p$",
        f"$d_z$ {_escaped('[95 % CI]')}",
        "passes",
        "s/run",
    ]
    rows = [
        [
            _escaped(row.objective),
            _escaped(mean_text(row.mean, row.sd, row.n)),
            _escaped(difference_text(row.difference)) + _superscript(mark(row.corrected)),
            _escaped(p_text(row.corrected)),
            _escaped(effect_text(row.effect)),
            _escaped(cost_text(row.passes)),
            _escaped(cost_text(row.seconds)),
        ]
        for row in table.rows
    ]
    head, *body = (" & ".join(cells) + r" \\" for cells in [header, *rows])
    return "\n".join(
        [
            f"% {' '.join(comment.split())}",
            r"\begin{tabular}{lllllrr}",
            r"\toprule",
            head,
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            "",
        ]
    )


def _escaped(text: str) -> str:
    found = "|".join(map(re.escape, _ESCAPES))
    return re.sub(found, lambda match: _ESCAPES[match[0]], " ".join(text.split()))


def _superscript(marks: str) -> str:
    return f"$^{{{marks}}}$" if marks else ""
