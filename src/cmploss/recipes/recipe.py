"""Recipes as they are in the package: read, resolved and shown."""

import csv
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from cmploss.errors import UserError
from cmploss.options import as_arguments

FOLDER = Path(__file__).parent
DATA = ("task", "objective", "objectives")  # options that name a recipe and need no source


@dataclass(frozen=True)
class PublishedRun:
    """A run of a paper.

    Attributes:
        recipe: Name of the recipe.
        options: Options that run it alone, without the other runs of the recipe.
        measure: What its number measures.
        published: The number as published; empty if it is not known to us.
        source: Where it is published.
    """

    recipe: str
    options: str
    measure: str
    published: str
    source: str


@dataclass(frozen=True)
class Recipe:
    """The settings of one command.

    Attributes:
        name: ``FILE/NAME``.
        command: The command, as in ``retrieve evaluate``.
        options: Its options.
        about: What it reproduces.
        sources: Option → where its value comes from.
        needs: The data that are not downloaded; for a study of this project the options that name them.
        hours: Estimated hours of training on one GPU and on two CPU cores: 6 FLOP per weight, token and pass, at 100
            and 0.1 TFLOP/s; on the GPU at least 0.05 s a pass. None for studies of this project.
        published: The runs that it reproduces.
        note: In what it differs from the published runs, or that it is ours.
    """

    name: str
    command: str
    options: Mapping[str, Any]
    about: str
    sources: Mapping[str, str]
    needs: str = ""
    hours: tuple[float, float] | None = None
    published: tuple[PublishedRun, ...] = ()
    note: str = ""

    @property
    def arguments(self) -> list[str]:
        """Its options as they are written after the command."""
        return as_arguments(self.options)

    @property
    def text(self) -> str:
        """The recipe as a YAML file of its command."""
        lines = [f"# cmploss recipes run {self.name}    or save this page and run cmploss {self.command} FILE.yaml"]
        lines += [f"# {self.about}"]
        lines += [f"# {self.note}."] if self.note else []
        lines += [f"# Needs {self.needs}."] if self.needs else []
        if self.hours is not None:
            lines.append("# Estimated training: {:g} h on one GPU, {:g} h on two CPU cores.".format(*self.hours))
        for run in self.published:
            number = f"{run.measure} {run.published} ({run.source})" if run.published else "number not known to us"
            lines.append(f"# Published: {shlex.join(shlex.split(run.options)) or 'this run'}: {number}")
        for name, value in self.options.items():
            written = yaml.safe_dump(
                [value], default_flow_style=True, width=10_000, allow_unicode=True, sort_keys=False
            ).strip()[1:-1]
            lines.append(f"{name}: {written}" + (f"  # {self.sources[name]}" if name in self.sources else ""))
        return "\n".join(lines)


@cache
def all_recipes() -> Mapping[str, Recipe]:
    """Every recipe by name: those with published runs first."""
    found: dict[str, Recipe] = {}
    for path in sorted(FOLDER.glob("*.yaml")) + sorted(FOLDER.glob("*/*.yaml")):
        text = path.read_text(encoding="utf-8")
        content = yaml.safe_load(text)
        name = path.relative_to(FOLDER).with_suffix("").as_posix()
        found |= _family(name, content) if "recipes" in content else {name: _single(name, text, content)}
    return found


def find_recipe(name: str) -> Recipe:
    """The recipe of that name; an error suggests similar names."""
    known = all_recipes()
    if name not in known:
        close = get_close_matches(name, known, n=3)
        hint = f"did you mean {', '.join(close)}?" if close else "cmploss recipes list names all"
        raise UserError(f"recipe {name!r} is unknown; {hint}")
    return known[name]


def published_runs() -> list[PublishedRun]:
    with (FOLDER / "published.csv").open(encoding="utf-8", newline="") as file:
        return [PublishedRun(**row) for row in csv.DictReader(file)]


def _family(family: str, content: Mapping[str, Any]) -> dict[str, Recipe]:
    of_family = {option: source for source, options in content["sources"].items() for option in options}
    runs = published_runs()

    def resolved(name: str) -> dict[str, Any]:
        own = dict(content["recipes"][name])
        like = own.pop("like", None)
        return {**(resolved(like) if like else content["default"]), **own}

    found = {}
    for short in content["recipes"]:
        name, values = f"{family}/{short}", resolved(short)
        command, sources = values.pop("command"), of_family | values.pop("sources", {})
        hours, note = content["recipes"][short].get("hours"), values.pop("note", None) or ""
        options = {option: value for option, value in values.items() if value is not None and option != "hours"}
        used = {option: sources[option] for option in options if option in sources}
        of_this = tuple(run for run in runs if run.recipe == name)
        about, needs = content["about"], content.get("needs", "")
        found[name] = Recipe(name, command, options, about, used, needs, hours and tuple(hours), of_this, note)
    return found


def _single(name: str, text: str, options: Mapping[str, Any]) -> Recipe:
    first, *comments = [line.removeprefix("# ") for line in text.splitlines() if line.startswith("#")]
    command, _, more = first.removeprefix("cmploss ").partition(f" recipes/{name}.yaml")
    sources = dict(re.findall(r"^(\w+):.*?  # (.+)$", text, re.MULTILINE))
    return Recipe(name, command, options, " ".join(comments), sources, needs=more.strip())
