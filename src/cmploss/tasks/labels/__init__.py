"""Texts with several labels."""
