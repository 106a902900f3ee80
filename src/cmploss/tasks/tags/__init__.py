"""Texts with a tag for each token."""
