"""`docker` and `singularity` for jobs in sandboxes, which cannot start containers: their commands run where they are.

What would be mounted is linked instead, and the command gets the environment that it would have in a container. The
image is not used. Only what Toil says to the two is understood: `docker pull`, `inspect` and `run`, as cwltool calls
them, and `singularity pull` and `exec`, as miniwdl does.
"""

import csv
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

PROGRAMS = ("docker", "singularity")
TEMPORARY = ("/tmp", "/var/tmp")  # noqa: S108  not linked: every job has some of its own
KEPT = ("PATH", "LANG", "HOME")
ENVIRONMENTS = ("SINGULARITYENV_", "APPTAINERENV_")
WITH_VALUE = ("--add-caps", "--entrypoint", "--no-mount")


@dataclass
class Container:
    """What a container would be.

    Attributes:
        command: What runs in it.
        directory: Where.
        mounts: Where each mount comes from, and where it is.
        environment: Its environment.
    """

    command: Sequence[str] = ()
    directory: str = "/"
    mounts: list[tuple[str, str]] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)


def of_docker(arguments: Sequence[str]) -> Container:
    """Read the arguments of `docker run`: options are one word each, but for `--entrypoint`; then comes the image."""
    found = Container()
    words = list(arguments)
    while words and words[0].startswith("-"):
        name, _, value = words.pop(0).partition("=")
        if name in WITH_VALUE:
            words.pop(0)
        elif name == "--mount":
            [parts] = csv.reader([value])
            said = dict(part.partition("=")[::2] for part in parts)
            found.mounts.append((said["source"], said["target"]))
        elif name == "--workdir":
            found.directory = value
        elif name == "--env":
            variable, _, content = value.partition("=")
            found.environment[variable] = content
    found.command = words[1:]
    return found


def of_singularity(arguments: Sequence[str]) -> Container:
    """Read the arguments of `singularity exec`: `--pwd` and `--bind` have a word behind them; then comes the image."""
    found = Container()
    for name, value in os.environ.items():
        for prefix in ENVIRONMENTS:
            if name.startswith(prefix):
                found.environment[name[len(prefix) :]] = value
    words = list(arguments)
    while words and words[0].startswith("-"):
        name = words.pop(0)
        if name == "--pwd":
            found.directory = words.pop(0)
        elif name == "--bind":
            source, target, *_ = words.pop(0).split(":")
            found.mounts.append((source, target))
        elif name in WITH_VALUE:
            words.pop(0)
    found.command = words[1:]
    return found


def run(container: Container) -> int:
    """Run a container's command, with links where its mounts would be; its exit code."""
    made: list[tuple[Path, bool]] = []
    try:
        # The outer ones first: what lies in them is linked in what they lead to.
        for source, target in sorted(container.mounts, key=lambda mount: mount[1].count("/")):
            _link(Path(source), Path(target), made)
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        environment = {**kept, **container.environment, "PWD": container.directory}
        with subprocess.Popen(container.command, cwd=container.directory, env=environment) as process:
            signal.signal(signal.SIGTERM, lambda *_: process.terminate())
            code = process.wait()
        return code if code >= 0 else 128 - code
    finally:
        for link, was_file in reversed(made):
            with suppress(FileNotFoundError):  # the command may have removed it
                link.unlink()
                if was_file:
                    link.touch()


def _link(source: Path, target: Path, made: list[tuple[Path, bool]]) -> None:
    if str(target) in TEMPORARY or (target.exists() and target.samefile(source)):
        return
    was_file = False
    if target.is_symlink() or target.is_file():
        was_file = not target.is_symlink()
        target.unlink()
    elif target.is_dir():
        target.rmdir()  # empty, or this cannot be done
    target.parent.mkdir(parents=True, exist_ok=True)
    target.symlink_to(source.resolve())
    made.append((target, was_file))


def main(program: str, arguments: Sequence[str]) -> int:
    """Do what a call of `docker` or `singularity` says; its exit code."""
    words = [word for word in arguments if word != "--verbose"]
    action, *rest = words or [""]
    if action == "pull":
        sys.stderr.write(f"{program}: jobs run in sandboxes here, without images: nothing is pulled\n")
        if program == "singularity":
            Path(rest[0]).touch()
        return 0
    if action == "inspect":
        sys.stdout.write("{}\n")  # of every image it is known that nothing is known: neither entry point nor command
        return 0
    if action == "--version":
        sys.stdout.write(f"{program} of the local cloud\n")
        return 0
    read = {("docker", "run"): of_docker, ("singularity", "exec"): of_singularity}.get((program, action))
    if read is None:
        sys.stderr.write(f"{program} {action}: jobs run in sandboxes here, which cannot do this\n")
        return 2
    return run(read(rest))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[0]).name, sys.argv[1:]))
