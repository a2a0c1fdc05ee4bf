"""The Python packages of an image, for which those of this machine stand in: a job sees what its image has, no more.

Packages that this machine has and the image has not are left out of what the job sees, with their programs. This file
is also `pip` in such a job: what is installed there is taken from this machine, so nothing is fetched.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from itertools import pairwise
from pathlib import Path, PurePath

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

MACHINE = PurePath("/opt/image/machine")
"""Where a job has the directories of this machine as they are."""
INSTALLED = PurePath("/root/.local/lib/installed")
"""Where a job has what it installed."""
STAND_INS = PurePath("/opt/image/python")
"""Where a job has modules that stand in for those of its image."""
_SITES = "lib/python3*/site-packages"
_WITH_VALUE = frozenset({"--target"})

Installed = Mapping[str, Distribution]


@dataclass(frozen=True)
class View:
    """A directory of this machine as a job of an image sees it: links to what it may see.

    Attributes:
        folder: A directory with programs, and with Python packages.
        inside: Where the job has that directory as it is.
    """

    folder: Path
    inside: PurePath

    def covers(self) -> list[Path]:
        """What it stands over, relative to the directory; nothing when there are no packages."""
        sites = [site.relative_to(self.folder) for site in sorted(self.folder.glob(_SITES))]
        programs = [Path("bin")] if sites and (self.folder / "bin").is_dir() else []
        return [*sites, *programs]

    def write(self, names: frozenset[str], into: Path) -> None:
        """Write the links.

        Args:
            names: The packages that the job may see.
            into: A directory, which gets one for each place that the view covers.
        """
        found = installed_in([self.folder])
        seen = {entry for name, one in found.items() if name in names for entry in _entries(one)}
        hidden = {entry for one in found.values() for entry in _entries(one)} - seen
        for place in self.covers():
            (into / place).mkdir(parents=True)
            for entry in (self.folder / place).iterdir():
                if (place.name, entry.name) not in hidden:
                    (into / place / entry.name).symlink_to(self.inside / place / entry.name)
            if place.name == "site-packages":
                (into / place / "_of_image.pth").write_text("".join(f"{one}\n" for one in (INSTALLED, STAND_INS)))


def installed_in(folders: Iterable[Path]) -> Installed:
    """The Python packages in directories, by their names; the first one of a name counts."""
    found: dict[str, Distribution] = {}
    for folder in folders:
        sites = [str(site) for site in sorted(folder.glob(_SITES))]
        for one in distributions(path=sites) if sites else ():
            found.setdefault(canonicalize_name(one.name), one)
    return found


def with_requirements(wanted: Iterable[str], installed: Installed) -> frozenset[str]:
    """The names of packages that are installed, and of all that they require.

    Args:
        wanted: The packages as pip names them: `toil[cwl]`.
        installed: Those that there are.
    """
    names: set[str] = set()
    waiting = [(Requirement(one), frozenset[str]()) for one in wanted]
    seen = set()
    while waiting:
        requirement, extras_of_dependent = waiting.pop()
        name = canonicalize_name(requirement.name)
        extras = frozenset(requirement.extras)
        applies = requirement.marker is None or any(
            requirement.marker.evaluate({"extra": extra}) for extra in (extras_of_dependent or {""})
        )
        if not applies or name not in installed or (name, extras) in seen:
            continue
        seen.add((name, extras))
        names.add(name)
        waiting += [(Requirement(one), extras | {""}) for one in installed[name].requires or ()]
    return frozenset(names)


def _entries(package: Distribution) -> Iterator[tuple[str, str]]:
    """What belongs to a package: `site-packages` or `bin`, and the name of a file or directory there."""
    for line in (package.read_text("RECORD") or "").splitlines():
        parts = PurePath(line.partition(",")[0].strip('"')).parts
        if parts and parts[0] != "..":
            yield "site-packages", parts[0]
        elif parts[-2:-1] == ("bin",):
            yield "bin", parts[-1]


def main(arguments: Sequence[str]) -> str | int:
    """`pip install`, in a job: make packages of this machine visible to it. Returns what failed, or 0."""
    action, *given = arguments
    if action != "install":
        return f"pip {action}: the local cloud can only install"
    values = {before: one for before, one in pairwise(given) if before in _WITH_VALUE}
    wanted = [one for one in given if not one.startswith("-") and one not in values.values()]
    installed = installed_in(sorted(Path(MACHINE).iterdir()))
    for requirement in map(Requirement, wanted):
        one = installed.get(canonicalize_name(requirement.name))
        if one is None or not requirement.specifier.contains(one.version, prereleases=True):
            there = f"this machine has {one.version}" if one else "it is not on this machine"
            return f"{requirement}: {there}. pip install '{requirement}', or name its environment with --software"
    target = Path(values.get("--target", INSTALLED))
    target.mkdir(parents=True, exist_ok=True)
    for name in with_requirements(wanted, installed):
        for kind, entry in _entries(installed[name]):
            link = target / entry
            if kind == "site-packages" and not link.is_symlink():
                link.symlink_to(Path(str(installed[name].locate_file(entry))))
    sys.stderr.write(f"{' '.join(wanted)}: taken from this machine\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
