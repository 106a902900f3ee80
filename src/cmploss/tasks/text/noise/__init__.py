"""Noise in training data, seeded and at stated rates: wrong labels, noisy texts, back-translations."""

from typing import TYPE_CHECKING

from cmploss._lazy import import_when_used

if TYPE_CHECKING:
    from cmploss.tasks.text.noise.add_noise import add_noise, noise_note, write_noisy
    from cmploss.tasks.text.noise.back_translation import BackTranslation
    from cmploss.tasks.text.noise.label_noise import noisy_labels, pair_flips, symmetric_flips
    from cmploss.tasks.text.noise.text_noise import noisy_text

__all__ = [
    "BackTranslation",
    "add_noise",
    "noise_note",
    "noisy_labels",
    "noisy_text",
    "pair_flips",
    "symmetric_flips",
    "write_noisy",
]

import_when_used(__name__)
