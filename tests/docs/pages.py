"""What the documentation says that can be checked: blocks of code, command lines, links and tables."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "cmploss"
DOCS = sorted((ROOT / "docs").rglob("*.md"))
PAGES = [*DOCS, *sorted(ROOT.glob("*.md")), ROOT / "results" / "README.md"]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    language: str
    text: str
    line: int


def blocks_of(page: str) -> list[Block]:
    """The fenced blocks of a page, each with the number of its first line."""
    return [Block(m[1], m[2], page.count("\n", 0, m.start(2)) + 1) for m in FENCE.finditer(page)]


def yaml_files_of(page: str) -> dict[str, str]:
    """The YAML blocks of a page whose first line is a comment with the name of a file: name -> text."""
    blocks = [block.text for block in blocks_of(page) if block.language == "yaml"]
    named = {text: re.match(r"# (\S+\.yaml)\n", text) for text in blocks}
    return {match[1]: text for text, match in named.items() if match}


def commands_of(page: str) -> list[list[str]]:
    """The arguments of every ``cmploss …`` line in blocks and code spans, also behind ``torchrun … -m``."""
    blocks = [block.text.replace("\\\n", " ") for block in blocks_of(page) if block.language != "python"]
    lines = [line.removeprefix("# ") for text in blocks for line in text.splitlines()]
    lines += re.findall(r"`([^`\n]+)`", FENCE.sub("", page))
    start = r"(?:\$ )?(?:\w+=\S+ )*(?:torchrun .* -m |\S+/)?cmploss ([^&|>…]*)"
    calls = (re.match(start, line.strip()) for line in lines)
    return [shlex.split(call[1], comments=True) for call in calls if call]


def links_of(page: str) -> list[str]:
    """The relative targets of a page's links."""
    targets = re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", page))
    return [target for target in targets if "://" not in target]


def anchors_of(page: str) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def places_of(page: str) -> list[str]:
    """Files of the repository, perhaps with a test's name, that a page names in code spans."""
    return re.findall(r"`((?:src|tests|docs|examples|recipes)/[\w./:-]+)`", page)


def rows_under(page: str, heading: str) -> list[list[str]]:
    """The cells of the table rows in a section, code marks removed."""
    section = page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip().replace("`", "") for cell in line.strip("| ").split(" | ")] for line in lines]


def cells_of(line: str) -> list[str]:
    """The cells of a line of a table."""
    return [cell.strip() for cell in line.strip().strip("|").split("|")]
