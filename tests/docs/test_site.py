"""The site is built without a warning, asks for nothing outside itself, and its search works from a disk."""

import re
import subprocess
import sys

import pytest

import cmploss
from tests.docs.pages import ROOT, blocks_of


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pytest.importorskip("mkdocs", reason="no mkdocs: pip install cmploss[docs]")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def test_no_page_loads_anything_from_elsewhere(site):
    there = r"(?:https?:)?//"
    loads = rf"<(?:script|img|iframe|source)[^>]+src=\"?{there}|<link[^>]+href=\"?{there}|url\({there}"
    pages = [*site.rglob("*.html"), *site.rglob("*.css")]
    assert len(pages) > 20
    assert [page for page in pages if re.search(loads, page.read_text(encoding="utf-8"))] == []
    assert re.search(loads, '<script src="https://unpkg.com/x"></script>')


def test_every_public_name_is_in_the_reference(site):
    page = (site / "api.html").read_text(encoding="utf-8")
    assert {name for name in cmploss.__all__ if name != "__version__" and f'id="cmploss.{name}"' not in page} == set()


def test_every_formula_is_mathml(site):
    for source in ROOT.joinpath("docs", "methods").glob("*.md"):
        formulas = [block for block in blocks_of(source.read_text(encoding="utf-8")) if block.language == "math"]
        page = (site / "methods" / f"{source.stem}.html").read_text(encoding="utf-8")
        assert page.count('<math xmlns="http://www.w3.org/1998/Math/MathML" display="block">') == len(formulas) > 0


def test_search_works_from_a_disk_and_asks_for_no_other_host(site, browser):
    page = browser.new_page()
    page.set_default_timeout(200_000)  # a busy machine is no failure
    asked, complaints = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto((site / "index.html").as_uri())
    page.get_by_role("textbox", name="Search").click()
    page.locator(".md-search-result__meta", has_text="Type to start searching").wait_for(state="attached")
    page.keyboard.type("Rocchio")
    page.locator(".md-search-result__item", has_text="Retrieval and feedback").first.wait_for(state="attached")
    page.close()
    assert {url.partition(":")[0] for url in asked} <= {"file", "data", "blob"}
    assert complaints == []
