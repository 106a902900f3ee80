"""What MkDocs does not do by itself: pages outside ``docs/``, the notebook as a page, and formulas without a script."""

import json
import posixpath
import re
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent
NOTEBOOK = "examples/quickstart.ipynb"
OUTSIDE = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changes.md",
    "results/README.md": "records.md",
    NOTEBOOK: "quickstart.md",
} | {f"examples/{path.name}": f"examples/{path.name}" for path in (ROOT / "examples").glob("*.py")}
"""File of the repository -> its place in the site."""

_LINK = re.compile(r"\]\(([^)#:\s]+)(#[^)\s]*)?\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    fences = config.mdx_configs.setdefault("pymdownx.superfences", {}).setdefault("custom_fences", [])
    fences.append({"name": "math", "class": "math", "format": formula})
    return config


def formula(source: str, *_: Any, **__: Any) -> str:
    """A block of LaTeX as MathML, which browsers show without a script or a font of ours."""
    return f'<div class="formula">{convert(source, display="block")}</div>'


def on_files(files: Files, config: MkDocsConfig) -> Files:
    for path, place in OUTSIDE.items():
        if path == NOTEBOOK:
            files.append(File.generated(config, place, content=notebook_page(ROOT / path)))
        else:
            files.append(File.generated(config, place, abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Point links between files of the repository to their places in the site."""
    place = page.file.src_uri
    if place == "index.md":
        page.meta["hide"] = ["navigation"]  # one page, and wide output
    source = next((path for path, at in OUTSIDE.items() if at == place), f"docs/{place}")

    def moved(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), link[1]))
        if not (ROOT / target).is_file():
            return link[0]
        there = OUTSIDE.get(target, target.removeprefix("docs/"))
        return f"]({posixpath.relpath(there, posixpath.dirname(place))}{link[2] or ''})"

    return _LINK.sub(moved, markdown)


def on_page_content(html: str, **_: Any) -> str:
    """Docstrings name objects as ``:func:`name```; the name is enough."""
    return re.sub(r":\w+:(?=<code>)", "", html)


def notebook_page(path: Path) -> str:
    """The cells of a notebook and the text that they printed, as Markdown."""
    first, *cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    parts = ["".join(first["source"]), f"This page shows `{NOTEBOOK}` with what its cells printed."]
    for cell in cells:
        source = "".join(cell["source"])
        parts.append(source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```")
        parts += [f"```text\n{''.join(output['text']).rstrip()}\n```" for output in cell.get("outputs", [])]
    return "\n\n".join(parts)
