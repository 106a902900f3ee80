"""Damaged files for every reader: each must be read, or refused in one line.

Valid files are cut, spliced, repeated, and filled with bytes and words that mean something to some reader; a part of a
JSON value is replaced by a value of another type. Anything but a result or a ``UserError`` of one line is a finding.

    python -m benchmarks.fuzz_readers --inputs 1000000 --seed 0
"""

import argparse
import json
import random
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.fuzz_seeds import READERS

from cmploss.errors import UserError

WORDS = [
    *(word.encode() for word in ("null", "true", "NaN", "1e999", "-1", "0", "99999999999999999999", "9" * 5000)),
    *(word.encode() for word in ("[]", "{}", '"', "\\ud800", "\\u0000", "é", "\u2028", "\ufeff", "(", ")", "+", "=")),
    *(
        word.encode()
        for word in ("\n", "\r", "\t", " ", ",", ":", ".I 1\n", "<DOC>", "</DOC>", "<!--", "&", "[" * 3000)
    ),
    *(
        word.encode()
        for word in ("id", "text", "label", "answers", "data", "context", "*a", "&a ", "schema", "!!python/")
    ),
    *(b"\xff", b"\x00", b"\x1f\x8b", b"\xed\xa0\x80"),
    *(b"IxFI", b"IHNf", b"IwFl", b"IxMp"),  # kinds of faiss indexes
]
VALUES: Sequence[Any] = (
    None,
    True,
    0,
    -1,
    1.5,
    1e999,
    10**20,
    "",
    "a",
    "../a",
    "\ud800",
    [],
    {},
    [[]],
    [None],
    {"a": 1},
)


def damaged(seed: bytes, draw: random.Random) -> bytes:
    """A valid file with one to four changes."""
    if draw.random() < 0.5 and (content := other_value(seed, draw)):
        return content
    data = seed
    for _ in range(draw.randint(1, 4)):
        start = draw.randint(0, len(data))
        stop = min(len(data), start + draw.choice((0, 0, 1, 1, 2, 5, 20)))
        new = draw.choice(
            (b"", draw.choice(WORDS), bytes([draw.randrange(256)]), data[stop : stop + 30] * 2, data[:start])
        )
        data = data[:start] + new + data[stop:]
    return data[:20_000]


def other_value(seed: bytes, draw: random.Random) -> bytes | None:
    """JSON with another value in one place, or without it; None for other files."""
    try:
        value = {"": json.loads(seed)}
    except ValueError:
        return None
    within: Any = value
    while True:
        key = draw.choice(list(within) if isinstance(within, dict) else range(len(within)))
        if not isinstance(within[key], (dict, list)) or not within[key] or draw.random() < 0.3:
            break
        within = within[key]
    if within is not value and draw.random() < 0.2:
        del within[key]
    else:
        within[key] = draw.choice(VALUES)
    return json.dumps(value[""]).encode()


def finding(name: str, content: bytes, folder: Path) -> str | None:
    """What is wrong with the answer of a reader to a file, or None."""
    reader = READERS[name]
    put(folder, {**reader.beside, reader.file: content})
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            reader.read(folder / reader.file)
    except UserError as error:
        return (
            None if "\n" not in str(error) and len(str(error)) < 2000 else f"a message of {len(str(error))} characters"
        )
    except Exception:
        return traceback.format_exc()
    return None


def put(folder: Path, files: dict[str, bytes]) -> None:
    """Write the files that differ from those in a folder, and remove the others."""
    for path in folder.rglob("*"):
        if path.is_file() and str(path.relative_to(folder)) not in files:
            path.unlink()
    for name, content in files.items():
        path = folder / name
        if not path.exists() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)  # another one may be mapped into memory
            path.write_bytes(content)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", help="for the files; by default a temporary one")
    parser.add_argument("--readers", default="", help="only readers whose names contain this")
    options = parser.parse_args(arguments)
    draw, names = random.Random(options.seed), [name for name in READERS if options.readers in name]
    found: set[str] = set()
    counts: Counter[str] = Counter()
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=options.folder) as temporary:
        weights = [0.01 if READERS[name].slow else 1.0 for name in names]
        for number in range(options.inputs):
            (name,) = draw.choices(names, weights)
            content = damaged(draw.choice(READERS[name].seeds), draw)
            (folder := Path(temporary) / str(names.index(name))).mkdir(exist_ok=True)
            fault = finding(name, content, folder)
            counts[name] += 1
            if fault is not None:
                last = fault.strip().splitlines()[-1][:150]
                if (key := f"{name}: {last}") not in found:
                    found.add(key)
                    print(f"FINDING {key}\n{fault}\n{content[:300]!r}", flush=True)
            if (number + 1) % 50_000 == 0:
                print(f"{number + 1} inputs, {time.perf_counter() - start:.0f} s, {len(found)} findings", flush=True)
    print(f"{options.inputs} inputs, {len(names)} readers, {len(found)} findings; {dict(counts)}")
    return int(bool(found))


if __name__ == "__main__":
    raise SystemExit(main())
