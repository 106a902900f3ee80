"""Noise in training data, seeded and at stated rates: wrong labels, noisy texts, back-translations."""

from cmploss.studies.noise.apply import add_noise, noise_note, write_noisy
from cmploss.studies.noise.back_translation import BackTranslation
from cmploss.studies.noise.labels import noisy_labels, pair_flips, symmetric_flips
from cmploss.studies.noise.settings import NOISES, Noise, parse_noise
from cmploss.studies.noise.text import noisy_text

__all__ = [
    "NOISES",
    "BackTranslation",
    "Noise",
    "add_noise",
    "noise_note",
    "noisy_labels",
    "noisy_text",
    "pair_flips",
    "parse_noise",
    "symmetric_flips",
    "write_noisy",
]
