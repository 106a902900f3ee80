"""The format of numbers and text in all reports."""

import math
import re
from collections.abc import Sequence

from cmploss.experiment.statistics import PairedDifference

ABSENT = "–"
MARKS = {0.05: "*", 0.01: "**"}
"""Level of significance → mark; p has the mark of the smallest level above it."""


def signed(value: float) -> str:
    """A difference with an explicit plus and the true minus sign.

    >>> signed(4.31), signed(-0.8)
    ('+4.3', '−0.8')
    """
    return f"{value:+.1f}".replace("-", "−")


def number_text(value: float | None) -> str:
    """A signed number, a dash if it is undefined."""
    return ABSENT if value is None or math.isnan(value) else signed(value)


def difference_text(difference: PairedDifference | None) -> str:
    """A difference with its interval, without the interval where there is none; a dash where a score is missing.

    >>> difference_text(PairedDifference(4.3, 1.2, 7.4, 0.03, 5))
    '+4.3 [+1.2, +7.4]'
    """
    if difference is None or math.isnan(difference.low):
        return number_text(None if difference is None else difference.mean)
    return f"{signed(difference.mean)} [{signed(difference.low)}, {signed(difference.high)}]"


def p_text(p: float | None) -> str:
    """A p-value with two decimals; three near .05 and below .01, to show on which side it lies.

    >>> p_text(0.031), p_text(0.0478), p_text(0.004), p_text(0.0004), p_text(None)
    ('.03', '.048', '.004', '<.001', '–')
    """
    if p is None:
        return ABSENT
    if p < 0.001:
        return "<.001"
    decimals = 3 if p < 0.01 or 0.045 <= p < 0.055 else 2
    return f"{p:.{decimals}f}".removeprefix("0")


def p_words(p: float | None) -> str:
    """A p-value in a sentence.

    >>> p_words(0.031), p_words(0.0004)
    ('p = .03', 'p < .001')
    """
    text = p_text(p)
    return f"p < {text[1:]}" if text.startswith("<") else f"p = {text}"


def join_words(items: Sequence[str], word: str) -> str:
    """A list in a sentence.

    >>> join_words(["a", "b", "c"], "and")
    'a, b and c'
    """
    return f" {word} ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def mark(p: float | None) -> str:
    """The mark of significance of a p-value; "" without one.

    >>> mark(0.05), mark(0.03), mark(0.001), mark(None)
    ('', '*', '**', '')
    """
    reached = [sign for level, sign in MARKS.items() if p is not None and p < level]
    return reached[-1] if reached else ""


def mean_text(mean: float, sd: float, n: int) -> str:
    """A mean with its standard deviation, where there is one, and the number of runs.

    >>> mean_text(86.04, 5.8, 5), mean_text(86.04, math.nan, 1), mean_text(math.nan, math.nan, 0)
    ('86.0 ± 5.8 (5)', '86.0 (1)', '– (0)')
    """
    if math.isnan(mean):
        return f"{ABSENT} ({n})"
    return f"{mean:.1f} ({n})" if math.isnan(sd) else f"{mean:.1f} ± {sd:.1f} ({n})"


def cost_text(value: float) -> str:
    """A cost: two significant digits below 10, else no decimals.

    >>> cost_text(48.31), cost_text(3.21), cost_text(2.0), cost_text(math.nan)
    ('48', '3.2', '2', '–')
    """
    if math.isnan(value):
        return ABSENT
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


def escape(text: str) -> str:
    r"""Text on one line with the special characters of Markdown escaped, also for the cell of a table.

    An underscore between letters is not escaped, because it is not emphasis.

    >>> print(escape("a|b `c` <d>\n_e_ no_dropout"))
    a\|b \`c\` \<d\> \_e\_ no_dropout
    """
    return re.sub(r"([\\`*\[\]<>|&~$]|(?<!\w)_|_(?!\w))", r"\\\1", " ".join(text.split()))


def markdown_grid(lines: Sequence[Sequence[str]]) -> str:
    """Lines of escaped cells as a Markdown table; the first line is the header.

    >>> print(markdown_grid([["split", "examples"], ["test", "500"]]), end="")
    | split | examples |
    |:--|:--|
    | test | 500 |
    """
    header, *rows = (f"| {' | '.join(cells)} |\n" for cells in lines)
    return "".join([header, "|" + ":--|" * len(lines[0]) + "\n", *rows])
