import math

import pytest

from cmploss.experiment.statistics import PairedDifference
from cmploss.reports.formatting import cost_text, difference_text, escape, mean_text, p_text, signed


def test_signed_has_a_true_minus():
    assert [signed(4.26), signed(-0.84), signed(0.0)] == ["+4.3", "\N{MINUS SIGN}0.8", "+0.0"]


def test_difference():
    assert difference_text(PairedDifference(4.3, -1.2, 9.8, None, 3)) == "+4.3 [−1.2, +9.8]"
    assert difference_text(PairedDifference(4.3, math.nan, math.nan, None, 1)) == "+4.3"
    assert difference_text(None) == "–"


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (None, "–"),
        (0.0, "<.001"),
        (0.00099, "<.001"),
        (0.001, ".001"),
        (0.0094, ".009"),
        (0.01, ".01"),
        (0.031, ".03"),
        (0.0478, ".048"),
        (0.0521, ".052"),
        (0.06, ".06"),
        (0.4, ".40"),
        (1.0, "1.00"),
    ],
)
def test_p(p, text):
    assert p_text(p) == text


def test_mean():
    assert mean_text(86.04, 5.84, 5) == "86.0 ± 5.8 (5)"
    assert mean_text(86.04, math.nan, 1) == "86.0 (1)"
    assert mean_text(math.nan, math.nan, 0) == "– (0)"
    assert mean_text(math.nan, math.nan, 3) == "– (3)"  # runs, but a score is missing


def test_cost():
    assert [cost_text(value) for value in (1234.5, 48.4, 9.96, 3.21, 0.0123, 2.0)] == [
        "1234",
        "48",
        "10",
        "3.2",
        "0.012",
        "2",
    ]
    assert cost_text(math.nan) == "–"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a|b", r"a\|b"),
        ("`rm`", r"\`rm\`"),
        ("one\ntwo\r\n three", "one two three"),
        ("<script>", r"\<script\>"),
        ("[x](http://y)", r"\[x\](http://y)"),
        ("*a* _b_ no_dropout", r"\*a\* \_b\_ no_dropout"),
        ("back\\slash &amp; ~~x~~ $y$", r"back\\slash \&amp; \~\~x\~\~ \$y\$"),
        ("plain, +4.3 − 1", "plain, +4.3 − 1"),
    ],
)
def test_escape(text, shown):
    assert escape(text) == shown
