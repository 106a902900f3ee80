import gc
import os
import shutil

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when numpy is imported; more threads wait for one another

import pytest
import torch
from hypothesis import settings

settings.register_profile("cmploss", deadline=None)  # a busy machine is no failure
settings.load_profile("cmploss")
torch.set_num_threads(1)  # tiny models; the suite runs in parallel processes
gc.collect()
gc.freeze()  # the Trainer collects garbage in every run; what was imported need not be looked at again

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def browser():
    """Chromium; without it the tests are skipped, but not in CI."""
    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("CI has no browser: .ci/run installs chromium")
        pytest.skip("no chromium: install Debian's package chromium to test the page in a browser")
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright: pip install cmploss[browser]")
    with playwright.sync_playwright() as started:
        found = started.chromium.launch(executable_path=program, args=["--no-sandbox"])  # containers run as root
        yield found
        found.close()
