"""Switches off the progress bars and warnings of other libraries."""

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
    """Switch off progress bars and warnings of transformers, datasets and accelerate, imported before or later."""
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
