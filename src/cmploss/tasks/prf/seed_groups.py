"""Reformulators that differ in their seed alone: several runs of one method."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cmploss.errors import UserError
from cmploss.experiment import fingerprint, read_record
from cmploss.experiment.run_dir import RECORD_FILE


@dataclass(frozen=True)
class TrainedMethod:
    """A way of training a reformulator, with its runs.

    Attributes:
        name: In tables: that of the folder; of several folders what stands before ``-SEED`` in all of their names.
        folders: Seed -> folder of its run, by seed.
        settings: Those of training, without the seed.
    """

    name: str
    folders: Mapping[int, Path]
    settings: Mapping[str, Any]

    @property
    def names(self) -> list[str]:
        """Names of the folders, by seed."""
        return [folder.name for folder in self.folders.values()]


def trained_methods(folders: Sequence[Path]) -> list[TrainedMethod]:
    """Group the folders of reformulators: equal settings but for the seed make one method.

    Args:
        folders: As given, each with a different last name and a record.

    Raises:
        UserError: Two are of one seed, or the names of a method's folders are not ``NAME-SEED``.
    """
    groups: dict[str, list[tuple[int, Path, dict[str, Any]]]] = {}
    for folder in folders:
        record = read_record(folder / RECORD_FILE)
        settings = _without_seed(record.settings)
        groups.setdefault(fingerprint(settings), []).append((record.seed, folder, settings))
    return [_method(sorted(group, key=lambda run: run[0])) for group in groups.values()]


def _method(runs: Sequence[tuple[int, Path, dict[str, Any]]]) -> TrainedMethod:
    found: dict[int, Path] = {}
    for seed, folder, _ in runs:
        if seed in found:
            raise UserError(
                f"--reformulator {folder}: has the settings and the seed {seed} of {found[seed]}; give each run once"
            )
        found[seed] = folder
    settings = runs[0][2]
    if len(found) == 1:
        return TrainedMethod(runs[0][1].name, found, settings)
    for seed, folder in found.items():
        if not folder.name.removesuffix(f"-{seed}") or not folder.name.endswith(f"-{seed}"):
            others = ", ".join(str(other) for other in found.values() if other != folder)
            raise UserError(
                f"--reformulator {folder}: differs from {others} in its seed alone, so they are runs of one method; "
                f"call its folder NAME-{seed}"
            )
    names = {folder.name.removesuffix(f"-{seed}") for seed, folder in found.items()}
    if len(names) > 1:
        raise UserError(
            f"--reformulator: {', '.join(map(str, found.values()))} differ in their seed alone, so they are runs of "
            "one method; give their folders one name before -SEED"
        )
    return TrainedMethod(names.pop(), found, settings)


def _without_seed(settings: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: value for name, value in settings.items() if name != "seed"}
    reformulator = {name: value for name, value in settings["reformulator"].items() if name != "seed"}
    return found | {"reformulator": reformulator}
