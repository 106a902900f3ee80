"""Recipes: the settings of published runs, and of the studies of this project, by name.

A file with ``recipes`` has many: each is its own options over those of the recipe it is ``like``, or of the file's
``default``. Any other file is one recipe: options of the command that its first line names. ``published.csv`` has every
published run: its recipe, the options that run it alone, and its number, if it is known to us.
"""

from typing import TYPE_CHECKING

from cmploss._lazy import import_when_used

if TYPE_CHECKING:
    from cmploss.recipes.recipe import PublishedRun, Recipe, all_recipes, find_recipe

__all__ = ["PublishedRun", "Recipe", "all_recipes", "find_recipe"]

import_when_used(__name__)
