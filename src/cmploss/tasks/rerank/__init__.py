"""Passages that are ranked for a query by a cross-encoder."""
