"""Faster dropout, attention and linear layers on CPUs. The rest of the package uses only the names of this module.

- :class:`FastLinear`: linear layers of passes without dropout.
- :func:`fast_dropout`: dropout, attention and linear layers of one forward pass, with random bits that are drawn once.
- :class:`RandomBits`: these bits, shared by all passes of a step; :class:`Rows`: some rows of a batch.

Models on a GPU do not use it: their masks come from the generator of the device.
"""

from typing import TYPE_CHECKING

from cmploss._lazy import import_when_used

if TYPE_CHECKING:
    from cmploss.cpu.fast_dropout import FastDropout as FastDropout, fast_dropout as fast_dropout
    from cmploss.cpu.linear import FastLinear as FastLinear
    from cmploss.cpu.masks import RandomBits as RandomBits, Rows as Rows

import_when_used(__name__)
