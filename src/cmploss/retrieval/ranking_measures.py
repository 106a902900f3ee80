"""Measures of rankings, by their names in ir_measures."""

import ast
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from cmploss.errors import UserError
from cmploss.experiment.objective_text import split_outside
from cmploss.retrieval.optional import extra
from cmploss.retrieval.trec_files import LARGEST_GRADE

MEASURES = ("nDCG@10", "RR@10", "AP", "R@100", "R@1000")
LONGEST = 80  # characters of a name
DEEPEST = 1_000_000  # documents that a measure reads


def read_measures(text: str) -> tuple[str, ...]:
    """Names in the notation of ir_measures, joined by commas.

    >>> read_measures("nDCG@10, AP(rel=2), P@5")
    ('nDCG@10', 'AP(rel=2)', 'P@5')
    """
    library = extra("ir_measures")
    found = []
    for word in split_outside("".join(text.split()), ","):
        try:
            measure = _parsed(word[:LONGEST])
            measure.validate_params()
            _check_numbers(measure.params)
        except (SyntaxError, ValueError, AttributeError, KeyError, AssertionError, TypeError) as error:
            known = {name.lower(): name for name in library.measures.registry}
            close = get_close_matches(word.partition("@")[0].lower(), known, n=1)
            hint = f"did you mean {known[close[0]]}? " if close else ""
            form = "give measures of ir_measures joined by commas, as in nDCG@10,RR@10,R@1000,AP(rel=2)"
            raise UserError(f"--measures {word[:LONGEST]!r} is unknown; {hint}{form}") from error
        if not library.DefaultPipeline.supports(measure) or not isinstance(measure.aggregator(), library.MeanAgg):
            raise UserError(f"--measures {measure} cannot be computed here, or is no mean over queries; leave it out")
        found.append(word)  # as it is written: ir_measures writes AP(rel=1) as AP
    return tuple(dict.fromkeys(found))


def _check_numbers(params: Mapping[str, Any]) -> None:
    """ValueError for numbers that end the process, or give a score without a meaning."""
    for name, largest in (("cutoff", DEEPEST), ("rel", LARGEST_GRADE)):
        value = params.get(name, 1)
        if type(value) is not int or not 1 <= value <= largest:
            raise ValueError(f"{name} must be a whole number from 1 to {largest}")


def deeper(names: Iterable[str], depth: int) -> list[str]:
    """The measures that read more documents than a run has.

    >>> deeper(["nDCG@10", "R@1000", "AP"], 500)
    ['R@1000']
    """
    return [name for name in names if _parsed(name).params.get("cutoff", 0) > depth]


def measure_of(name: str, level: int) -> Any:
    """The measure of ir_measures, which counts documents of grade ``level`` or more if its name does not say so."""
    measure = _parsed(name)
    open_level = "rel" in measure.SUPPORTED_PARAMS and "rel" not in measure.params
    return measure(rel=level) if open_level else measure


def _parsed(name: str) -> Any:
    """``ir_measures.parse_measure``, which needs classes of ``ast`` that Python 3.14 does not have."""
    node: Any = ast.parse(name, mode="eval").body
    settings: dict[str, Any] = {}
    cutoff = None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        cutoff, node = ast.literal_eval(node.right), node.left
    if isinstance(node, ast.Call) and not node.args:
        settings, node = {str(each.arg): ast.literal_eval(each.value) for each in node.keywords}, node.func
    kind: Any = extra("ir_measures").measures.registry[node.id]
    return kind(**settings) if cutoff is None else kind(**{**settings, kind.AT_PARAM: cutoff})
