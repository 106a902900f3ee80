"""Silence of the libraries below."""

import logging
import sys
import warnings

import datasets
import transformers


def quiet_libraries() -> None:
    """Leave the terminal to our own output: no bars, no advice of the libraries below."""
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    datasets.disable_progress_bars()
    logging.getLogger("accelerate").setLevel(logging.ERROR)
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
