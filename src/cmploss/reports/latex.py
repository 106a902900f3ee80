"""The comparison table in LaTeX, for a paper."""

import re
from collections.abc import Mapping

from cmploss.reports.formatting import cost_text, difference_text, mark, mean_text, number_text, p_text
from cmploss.reports.table import ComparisonTable
from cmploss.reports.table_text import footnote, pairs_text
from cmploss.reports.verdict import in_words

_ESCAPES = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "[": "{[}",  # a row that starts with a bracket would be the option of the line break before it
    "]": "{]}",
    **{"−": "$-$", "±": r"$\pm$", "–": "--", "Δ": r"$\Delta$", "<": "$<$", ">": "$>$"},
}


def latex_table(table: ComparisonTable, *, words: str | None = None) -> str:
    r"""The table as a LaTeX ``tabular``, which needs the package ``booktabs``, and its verdict, or other words.

    It has the columns of the Markdown table, the effect size, and the passes over the model per step. Significance
    marks are superscripts of the differences. The footnote is a comment above the table, for the caption.

    >>> from cmploss.experiment import Benchmark
    >>> from cmploss.reports import Row
    >>> row = Row("no_dropout", 81.0, 1.41, 2, None, 9.0, 1.0, {0: 80.0, 1: 82.0})
    >>> table = ComparisonTable(Benchmark("tickets", "accuracy", "test"), "no_dropout", (row,))
    >>> print(latex_table(table), end="")
    % tickets: accuracy in percent on test, mean ± sd (runs).
    \begin{tabular}{lllllrr}
    \toprule
    objective & accuracy & $\Delta$ no\_dropout {[}95 \% CI{]} & $p$ & $d_z$ & passes & s/run \\
    \midrule
    no\_dropout & 81.0 $\pm$ 1.4 (2) & -- & -- & -- & 1 & 9 \\
    \bottomrule
    \end{tabular}
    <BLANKLINE>
    no\_dropout has accuracy 81.0 $\pm$ 1.4 (2); there is no other objective to compare it with.
    """
    of, simple = table.benchmark, len(table.references)
    comment = f"{of.task}: {of.measure} in percent on {of.eval_split}, mean ± sd (runs). {footnote(table)}"
    header = ["objective", escaped(of.measure), escaped(f"Δ {table.baseline} [95 % CI]")]
    lines = [[*header, "$p$", "$d_z$", "passes", "s/run"]]
    for row in (*table.references, *table.rows):
        marks = mark(row.corrected)
        difference = escaped(difference_text(row.difference)) + (f"$^{{{marks}}}$" if marks else "") + pairs_text(row)
        texts = p_text(row.corrected), number_text(row.effect), cost_text(row.passes), cost_text(row.seconds)
        mean = mean_text(row.mean, row.sd, row.n)
        name = escaped(row.objective) + (r"$^\dagger$" if row.not_converged else "")
        lines.append([name, escaped(mean), difference, *map(escaped, texts)])
    head, *body = (" & ".join(cells) + r" \\" for cells in lines)
    if simple:
        body.insert(simple, r"\midrule")
    start = [f"% {' '.join(comment.split())}", r"\begin{tabular}{lllllrr}", r"\toprule", head, r"\midrule"]
    end = [r"\bottomrule", r"\end{tabular}", "", escaped(words or in_words(table)), ""]
    return "\n".join([*start, *body, *end])


def latex_text(title: str, tables: Mapping[str, ComparisonTable]) -> str:
    """A LaTeX table for every comparison of a study, each below a comment that names it."""
    names = {name: f"{title}: {name}" if name else title for name in tables}
    return "\n".join(f"% {' '.join(names[name].split())}\n{latex_table(table)}" for name, table in tables.items())


def escaped(text: str) -> str:
    r"""Text with the special characters of LaTeX escaped.

    >>> print(escaped("no_dropout ± 5 %"))
    no\_dropout $\pm$ 5 \%
    """
    found = "|".join(map(re.escape, _ESCAPES))
    return re.sub(found, lambda match: _ESCAPES[match[0]], " ".join(text.split()))
