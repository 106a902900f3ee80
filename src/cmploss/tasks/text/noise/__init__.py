"""Seeded noise in training data: wrong labels, noisy texts, back-translations."""
