"""The rows of a study: its objectives, each under every combination of the settings that ``--vary`` names."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields, replace
from difflib import get_close_matches
from itertools import product
from typing import Any, get_args, get_type_hints

from cmploss.errors import UserError
from cmploss.experiment.objective_text import split_outside
from cmploss.experiment.spec import ObjectiveSpec
from cmploss.model_config import ModelConfig
from cmploss.objectives.named import ObjectiveConfig
from cmploss.options import kind_of, read_value
from cmploss.studies.run_config import RunConfig
from cmploss.training_options import training_options

_ELSEWHERE = {
    **dict.fromkeys(("steps", "max_steps", "num_train_epochs"), "give --steps 100,400"),
    "few_shot": "give --few_shot 20,100",
    "noise": "give --noise none,label:0.1",
    **dict.fromkeys(("seed", "seeds", "data_seed"), "give --seeds 5"),
    "output_dir": "give one folder",
    **{each.name: f"write objective({each.name}=…) in --objectives" for each in fields(ObjectiveConfig)},
}
"""Options that ``--vary`` refuses, and what to give instead."""


def parse_vary(words: Sequence[str], given: Collection[str] = ()) -> dict[str, tuple[Any, ...]]:
    """Setting → its values, from words such as ``learning_rate=1e-4,5e-5`` or ``lora=none,(r=8,alpha=16)``.

    Settings that are joined by ``+`` change together.

    Args:
        words: Words of the option.
        given: Names of the other options that are given.

    Raises:
        UserError: A setting is unknown, has one value, a wrong value or one twice, or is given as an option too.

    >>> parse_vary(["pooling=cls,mean", "per_device_train_batch_size=16,64"])
    {'pooling': ('cls', 'mean'), 'per_device_train_batch_size': (16, 64)}
    >>> parse_vary(["freeze+learning_rate=none+1e-4,2+1e-3"])
    {'freeze+learning_rate': ((None, 0.0001), ('2', 0.001))}
    """
    kinds = _kinds()
    found: dict[str, tuple[Any, ...]] = {}
    seen = set(given)
    for word in words:
        joined, _, text = word.partition("=")
        names = joined.split("+")
        for name in names:
            if name not in kinds:
                raise UserError(f"--vary {word}: {_unknown(name, kinds)}")
            if name in seen:
                raise UserError(f"--vary {word}: --{name} is given too; leave one out")
            seen.add(name)
        values = tuple(_values(word, names, value, kinds) for value in split_outside(text, ","))
        if len(set(values)) < len(values) or len(values) < 2:
            raise UserError(f"--vary {word}: give at least two different values, as in {joined}=A,B")
        found[joined] = tuple(of[0] for of in values) if len(names) == 1 else values
    return found


def combinations_of(varied: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """The settings of each combination, from what :func:`parse_vary` returns.

    >>> combinations_of({"freeze+learning_rate": ((None, 0.0001), ("2", 0.001))})
    [{'freeze': None, 'learning_rate': 0.0001}, {'freeze': '2', 'learning_rate': 0.001}]
    """
    axes = [
        [dict(zip(joined.split("+"), of if "+" in joined else (of,), strict=True)) for of in values]
        for joined, values in varied.items()
    ]
    return [{name: value for part in parts for name, value in part.items()} for parts in product(*axes)]


def rows_of(
    specs: Sequence[ObjectiveSpec], base: RunConfig, varied: Mapping[str, Sequence[Any]]
) -> tuple[RunConfig, ...]:
    """A run for every row: all objectives under the first values, then under the next ones."""
    rows = tuple(_row(replace(base, spec=spec), settings) for settings in combinations_of(varied) for spec in specs)
    names = [row.objective for row in rows]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"--vary: two rows would be called {name}; give models in folders of different names")
    return rows


def _row(config: RunConfig, settings: Mapping[str, Any]) -> RunConfig:
    """A run with the settings of a row, which are also in the name of the row."""
    of_model = {name: value for name, value in settings.items() if name in get_type_hints(ModelConfig)}
    training = {name: value for name, value in settings.items() if name not in of_model}
    return replace(
        config,
        spec=replace(config.spec, varied=dict(settings)),
        model_config=replace(config.model_config, **of_model),
        training={**config.training, **training},
    )


def _kinds() -> dict[str, Any]:
    """Setting → kind of its values."""
    of_training = {name: option.kind for name, option in training_options().items()}
    simple = {name: kind for name, kind in of_training.items() if kind not in (list, dict)}
    kinds = {name: kind_of(hint) for name, hint in get_type_hints(ModelConfig).items()} | simple
    return {name: kind for name, kind in kinds.items() if name not in _ELSEWHERE}


def _values(word: str, names: Sequence[str], text: str, kinds: Mapping[str, Any]) -> tuple[Any, ...]:
    """The values of settings that change together."""
    parts = split_outside(text, "+") if len(names) > 1 else [text]
    if len(parts) != len(names):
        example = "+".join("ABCDEFGH"[: len(names)])
        raise UserError(f"--vary {word}: {text!r} is no value of {' and '.join(names)}; write {example}")
    return tuple(_value(name, kinds[name], part.strip()) for name, part in zip(names, parts, strict=True))


def _value(name: str, kind: Any, text: str) -> Any:
    if text == "none" and type(None) in get_args(get_type_hints(ModelConfig).get(name)):
        return None
    return read_value(f"vary {name}", kind, text[1:-1] if text.startswith("(") and text.endswith(")") else text)


def _unknown(name: str, known: Collection[str]) -> str:
    if name in _ELSEWHERE:
        return f"{name} is not varied here; {_ELSEWHERE[name]}"
    close = get_close_matches(name, known, n=3, cutoff=0.5)
    return f"{name!r} is not a setting to vary; " + (f"did you mean {', '.join(close)}?" if close else "see --help_all")
