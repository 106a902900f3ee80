"""The tiny retrievers of the tests of retrieval."""

from tests.retrieval.conftest import *  # noqa: F403
