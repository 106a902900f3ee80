"""Silence of the libraries below."""

import logging
import os
import sys
import warnings

AT_IMPORT = {
    "TRANSFORMERS_VERBOSITY": "error",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
}


def quiet_libraries() -> None:
    """Leave the terminal to our own output: no bars, no advice of the libraries below, imported already or later."""
    for name, value in AT_IMPORT.items():
        os.environ.setdefault(name, value)
    if "transformers" in sys.modules:
        from transformers.utils.logging import disable_progress_bar, set_verbosity_error

        disable_progress_bar()
        set_verbosity_error()
    if "datasets" in sys.modules:
        from datasets import disable_progress_bars

        disable_progress_bars()
    logging.getLogger("accelerate").setLevel(logging.ERROR)
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
