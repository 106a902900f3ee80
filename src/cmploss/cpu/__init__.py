"""Faster training on CPUs. The rest of the package uses the names of this face only, and gets the same numbers without.

- :func:`fast_dropout`: dropout and attention with dropout of one forward pass, from random bits that are drawn once.
- :class:`RandomBits`: these bits, shared by all passes of a step; :class:`Rows`: some rows of a batch.

A model on a GPU is left alone: its masks come from the generator of its device.
"""

from typing import TYPE_CHECKING

from cmploss._lazy import import_when_used

if TYPE_CHECKING:
    from cmploss.cpu.fast_dropout import FastDropout, fast_dropout
    from cmploss.cpu.masks import RandomBits, Rows

__all__ = ["FastDropout", "RandomBits", "Rows", "fast_dropout"]

import_when_used(__name__)
