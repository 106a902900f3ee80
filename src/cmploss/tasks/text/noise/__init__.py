"""Noise in training data, seeded and at stated rates: wrong labels, noisy texts, back-translations."""
