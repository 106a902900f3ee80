"""A real browser, in which pages are opened from disk."""

import os
import shutil

import pytest

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


@pytest.fixture
def opened(browser, tmp_path):
    """Opens a page, and says afterwards what it asked for and complained about."""
    contexts = []

    def open_page(text, *, width=1280, dark=False):
        path = tmp_path / "report.html"
        path.write_text(text, encoding="utf-8")
        scheme = "dark" if dark else "light"
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.complaints, page.asked = [], []
        page.on("console", lambda message: page.complaints.append(message.text))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
