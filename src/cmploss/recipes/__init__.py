"""Recipes: the settings of published runs, and of the studies of this project, by name.

A file with ``recipes`` has many: each is its own options over those of the recipe it is ``like``, or of the file's
``default``. Any other file is one recipe: options of the command that its first line names. ``published.csv`` has every
published run: its recipe, the options that run it alone, and its number, if it is known to us.
"""
