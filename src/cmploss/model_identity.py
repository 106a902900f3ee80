"""Which weights and tokenizer a run starts from, whatever the name of the model stands for at the time."""

import hashlib
from functools import cache
from pathlib import Path

from huggingface_hub import try_to_load_from_cache

from cmploss.adapters import base_of
from cmploss.model_files import is_adapter, model_files

_SUFFIXES = (".safetensors", ".bin", ".json", ".txt", ".model")
_OF_RUNS = ("record.json", "settings.json", "seconds.json", "run.json")  # in a folder that a run wrote
_File = tuple[str, int, int]  # name, size, time of the last change


def model_identity(name: str) -> dict[str, str]:
    """The hash of a model's weights, configuration and tokenizer, or its revision on the hub; {} if it has no files.

    Of an adapter, also those of the model with the frozen weights.
    """
    if not name:
        return {}
    files = model_files(name)
    if Path(files).is_dir():
        found = [path for pattern in ("*", "*/*") for path in Path(files).glob(pattern) if _counts(path)]
        stats = [(path.relative_to(files).as_posix(), path.stat()) for path in sorted(found)]
        own = {"sha256": _hash(files, tuple((file, stat.st_size, stat.st_mtime_ns) for file, stat in stats))}
        base = model_identity(base_of(files)) if is_adapter(files) else {}
        return {**own, **{f"base_{name}": value for name, value in base.items()}}
    try:
        cached = try_to_load_from_cache(files, "config.json")
    except ValueError:  # no name of a hub model
        return {}
    return {"revision": Path(cached).parent.name} if isinstance(cached, str) else {}


def _counts(path: Path) -> bool:
    own = path.name in _OF_RUNS or path.parent.name.startswith("checkpoint-")
    return path.suffix in _SUFFIXES and not own and path.is_file()


@cache
def _hash(folder: str, files: tuple[_File, ...]) -> str:
    """Of the contents; the rest of a key says that they have not changed."""
    digest = hashlib.sha256()
    for name, *_ in files:
        with (Path(folder) / name).open("rb") as file:
            digest.update(name.encode() + hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]
