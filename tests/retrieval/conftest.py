import pytest
from transformers.utils import logging

from cmploss.retrieval import EncoderConfig, load_encoder
from tests.retrieval.world import save_retriever


@pytest.fixture(scope="session")
def retriever(tmp_path_factory):
    """Folder of a retriever: mean pooling, unit norm; its plain encoder is beside it in ``plain``."""
    logging.disable_progress_bar()
    return save_retriever(tmp_path_factory.mktemp("retrievers"))


@pytest.fixture(scope="session")
def encoder(retriever):
    return load_encoder(EncoderConfig(retriever))
