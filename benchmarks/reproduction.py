"""Write docs/reproduction.md: every published run, its recipe, its published number, and ours.

python benchmarks/reproduction.py

Ours are the records in results/recipes/FILE/NAME, where command.txt has the command and the hardware.
"""

import shlex
from itertools import groupby, pairwise
from pathlib import Path
from statistics import mean, stdev

from cmploss.experiment import RunRecord, read_records
from cmploss.recipes.recipe import PublishedRun, Recipe, all_recipes, published_runs

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "results" / "recipes"
INTRODUCTION = """# Reproduction

{count} published runs have a [recipe](commands.md#recipes). `benchmarks/reproduction.py` makes this page from them and
the records in `results/recipes`; edit those, not this page. Each line is what follows `recipes run`: the first run is
`cmploss recipes run glue/cola-supervised`, and `cmploss recipes show glue/cola-supervised` prints its settings with
their sources, and what it needs.

A number with a note is that of another run of the same baseline, not of the paper. "Not known" means that we could not
read the paper's table. Ours are at reduced size: the command below each table says what differs. They show that a
recipe runs; they are not comparable with the published numbers.

Published, but without a recipe: the runs of LoL's leaderboard entries, whose judgements are hidden. `retrieve search`
makes their run files.
"""


def page() -> str:
    """The page."""
    runs = {(run.recipe, run.options) for run in published_runs()}
    lines = [INTRODUCTION.replace("{count}", str(len(runs)))]
    recipes = [recipe for recipe in all_recipes().values() if recipe.published]
    for family, members in groupby(recipes, lambda recipe: recipe.name.partition("/")[0]):
        found = list(members)
        lines += [
            f"## {family}",
            "",
            f"{found[0].about}.",
            "",
            "| recipe and options | published | ours |",
            "|---|---|---|",
        ]
        lines += [_line(recipe, run) for recipe in found for run in recipe.published]
        for note in dict.fromkeys(recipe.note for recipe in found if recipe.note):
            names = ", ".join(f"`{recipe.name}`" for recipe in found if recipe.note == note)
            lines += ["", f"{names}: {note}."]
        commands = [RESULTS / recipe.name / "command.txt" for recipe in found]
        for path in filter(Path.exists, commands):
            lines += ["", "```text", path.read_text(encoding="utf-8").strip(), "```"]
        lines.append("")
    return "\n".join(lines)


def _line(recipe: Recipe, run: PublishedRun) -> str:
    number = f"{run.measure} {run.published}" if run.published else "not known"
    note = f" ({run.source})" if run.published and not run.source.startswith("paper") else ""
    return f"| `{recipe.name}{' ' if run.options else ''}{run.options}` | {number}{note} | {_ours(run)} |"


def _ours(run: PublishedRun) -> str:
    folder, (measure, _, split) = RESULTS / run.recipe, run.measure.partition(" on ")
    records = [record for record in (read_records(folder) if folder.exists() else ()) if _is(record, run)]
    scores = [record.score(split, measure) if split else record.primary for record in records]
    if not scores:
        return "–"
    spread = f" ± {stdev(scores):.1f}" if len(scores) > 1 else ""
    return f"{mean(scores):.1f}{spread} ({len(scores)})"


def _is(record: RunRecord, run: PublishedRun) -> bool:
    """Whether a record is of this run: its objective, and the settings that its options give."""
    words = shlex.split(run.options)
    given = {flag.removeprefix("--"): value for flag, value in pairwise(words)}
    condition, training = record.condition, record.settings["training"]
    batch = given.get("per_device_train_batch_size")
    return (
        given.get("objectives", record.objective["name"]).partition(" ·")[0] == record.objective["name"]
        and given.get("few_shot", str(condition.train_size)) == str(condition.train_size)
        and given.get("noise", str(condition.noise)) == str(condition.noise)
        and batch in (None, str(training["per_device_train_batch_size"]))
    )


if __name__ == "__main__":
    (ROOT / "docs" / "reproduction.md").write_text(page(), encoding="utf-8")
