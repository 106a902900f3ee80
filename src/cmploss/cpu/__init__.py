"""Faster training on CPUs: dropout, attention and kept memory."""
