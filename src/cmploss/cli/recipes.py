"""Recipes of published runs and of the studies of this project: list them, show one, run one.

list names them all, with the number of published runs and estimated hours on one GPU. show prints a YAML file: what the
recipe reproduces and needs, published numbers, and the source of every value. run starts it; further options override
its own.
"""

from collections.abc import Sequence
from importlib import import_module

from cmploss.errors import UserError
from cmploss.recipes.recipe import all_recipes, find_recipe

USAGE = "list | show NAME | run NAME [--option value …]"
SECTIONS: tuple[type, ...] = ()


def run(argv: Sequence[str]) -> int:
    match list(argv):
        case ["list"]:
            print(_listed())
        case ["show", name]:
            print(find_recipe(name).text)
        case ["run", name, *options]:
            recipe = find_recipe(name)
            command = import_module(f"cmploss.cli.{recipe.command.replace(' ', '_')}")
            return int(command.run([*recipe.arguments, *options]) or 0)
        case _:
            raise UserError(f"cmploss recipes {USAGE}")
    return 0


def _listed() -> str:
    lines, about, width = [], "", 2 + max(map(len, all_recipes()))
    for recipe in all_recipes().values():
        heading = recipe.about if recipe.hours else "Studies of this project"
        if heading != about:
            about = heading
            lines += ["", heading]
        if recipe.hours:
            text = f"{len(recipe.published):>2} published   {recipe.hours[0]:>4g} h on one GPU   {recipe.command}"
        else:
            text = recipe.about.partition(". ")[0].rstrip(".")
        lines.append(f"  {recipe.name:<{width}}{text}")
    runs = {(run.recipe, run.options) for recipe in all_recipes().values() for run in recipe.published}
    lines += [
        "",
        f"{len(runs)} published runs, each of them in a recipe; show NAME prints the options that run it alone",
    ]
    return "\n".join(lines).strip()
