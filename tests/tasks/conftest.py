"""The tiny encoder and the short runs of the tests of studies."""

from tests.studies.conftest import config_of, encoder, task

__all__ = ["config_of", "encoder", "task"]
