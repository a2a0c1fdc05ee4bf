"""What a qsub command line and the header of a script ask for."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

from .snakemake import asked_by_rule

# What PBS has no word for: `-v WORKFLOW_IMAGE=…,WORKFLOW_REGISTRY=…,WORKFLOW_GPUS=1`. The registry is for images that
# name none.
IMAGE, REGISTRY, GPUS = "WORKFLOW_IMAGE", "WORKFLOW_REGISTRY", "WORKFLOW_GPUS"
_FLAGS = frozenset("fhIVXxz")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]{0,254}\Z")
_ARRAY = re.compile(r"0-([0-9]{1,5})(?:%[0-9]+)?\Z")
_MAX_ARRAY = 10_000


class PbsError(Exception):
    """A request that cannot be met, in words for whoever reads the engine's log."""


@dataclass
class Request:
    """What one script asks for.

    Attributes:
        script: The script, as an absolute path.
        directory: The directory in which it runs.
        name: The name of the job.
        queue: The queue; empty for the usual one.
        output: Where standard output goes; None for the log of the job.
        error: Where standard error goes; None for the log of the job.
        joined: Standard error goes where standard output goes.
        limits: What `-l` says, by name.
        variables: What `-v` says, without what is meant for us.
        image: The container image; empty for the usual one.
        gpus: How many GPUs.
        array: How many jobs of an array; None when it is none.
    """

    script: str
    directory: str
    name: str = "job"
    queue: str = ""
    output: str | None = None
    error: str | None = None
    joined: bool = False
    limits: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    image: str = ""
    gpus: int = 0
    array: int | None = None


def read_request(arguments: list[str], text: str, directory: Path, environment: dict[str, str]) -> Request:
    """Read a request: the command line, and the header where the command line says nothing.

    Args:
        arguments: The command line without `qsub`.
        text: The script, which the last argument names.
        directory: The directory in which qsub was called.
        environment: Where `-v NAME` finds values.

    Raises:
        PbsError: It cannot be understood, or not be met.
    """
    given, names = _options(arguments)
    if len(names) != 1:
        raise PbsError("qsub needs one script, after its options")
    try:
        asked = asked_by_rule(text)
    except (AttributeError, ValueError) as error:
        raise PbsError(f"what Snakemake says of the job cannot be read: {error}") from error
    request = Request(script=str(directory / names[0]), directory=str(directory), **asked)
    for letter, value in [*_options(_header(text))[0], *given]:
        _apply_option(request, letter, value, environment)
    image, registry = request.variables.pop(IMAGE, ""), request.variables.pop(REGISTRY, "")
    request.image = _image(image or request.image, registry)
    if request.image and not _IMAGE.match(request.image):
        raise PbsError(f"{IMAGE} is no image: {request.image!r}")
    gpus = request.variables.pop(GPUS, "0") or "0"
    request.gpus = _number(gpus, GPUS) or request.gpus
    return request


def script_of(arguments: list[str]) -> str:
    """The script that a command line names.

    Raises:
        PbsError: It names none, or several.
    """
    names = _options(arguments)[1]
    if len(names) != 1:
        raise PbsError("qsub needs one script, after its options")
    return names[0]


def _header(text: str) -> list[str]:
    """The options of the lines that begin with #PBS, up to the first command."""
    found: list[str] = []
    for line in text.splitlines():
        if line.startswith("#PBS"):
            found += _words(line[4:])
        elif line.strip() and not line.startswith("#"):
            break
    return found


def _words(line: str) -> list[str]:
    if not any(letter in line for letter in "'\"\\"):  # nothing is quoted, as in most lines of engines
        return [word for word in re.split(r"[ \t\r\n]+", line) if word]
    try:
        return shlex.split(line)
    except ValueError as error:
        raise PbsError(f"this line cannot be read ({error}): {line.strip()!r}") from error


def _options(arguments: list[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """Options with their values, and what stands beside them."""
    found, others = [], []
    rest = iter(arguments)
    for word in rest:
        if len(word) < 2 or not word.startswith("-"):
            others.append(word)
        elif word[1] in _FLAGS:
            found += [(letter, "") for letter in word[1:]]
        else:
            value = word[2:] or next(rest, None)
            if value is None:
                raise PbsError(f"the option {word} has no value")
            found.append((word[1], value))
    return found, others


def _apply_option(request: Request, letter: str, value: str, environment: dict[str, str]) -> None:
    """Take one option; what AWS Batch has nothing for (mail, accounts, …) says nothing."""
    if "\0" in value:
        raise PbsError(f"the option -{letter} holds a character that no option can")
    if letter == "N":
        request.name = value
    elif letter == "q":
        request.queue = value
    elif letter == "o":
        request.output = _path(value, request.directory)
    elif letter == "e":
        request.error = _path(value, request.directory)
    elif letter == "j":
        request.joined = value in ("oe", "eo")
    elif letter == "d":
        request.directory = str(Path(request.directory, value))
    elif letter == "l":
        request.limits.update(_limits(value))
    elif letter == "v":
        request.variables.update(_variables(value, environment))
    elif letter in ("t", "J"):
        found = _ARRAY.match(value)
        if not found or int(found[1]) >= _MAX_ARRAY:
            raise PbsError(f"an array goes from 0 to 9999 at most, not {value!r}")
        request.array = int(found[1]) + 1


def _path(value: str, directory: str) -> str:
    """A path, which PBS lets begin with the name of a machine and a colon."""
    machine, colon, path = value.partition(":")
    return str(Path(directory, path if colon and "/" not in machine else value))


def _image(name: str, registry: str) -> str:
    host, slash, _ = name.partition("/")
    named = slash and ("." in host or ":" in host or host == "localhost")
    return f"{registry.rstrip('/')}/{name}" if name and registry and not named else name


def _limits(value: str) -> dict[str, str]:
    """`nodes=1:ppn=4`, `select=1:ncpus=4:mem=8gb`, `walltime=01:00:00,mem=8gb`: name to value."""
    found = {}
    for part in value.split(","):
        name, _, rest = part.strip().partition("=")
        if name in ("nodes", "select"):
            count, *chunk = rest.split(":")
            if count not in ("1", ""):
                raise PbsError(f"a job runs on one machine, not on {count}")
            for one in chunk:
                inner, _, inner_value = one.partition("=")
                found[inner] = inner_value
        else:
            found[name] = rest
    return found


def _variables(value: str, environment: dict[str, str]) -> dict[str, str]:
    found = {}
    for part in value.split(","):
        name, equals, text = part.partition("=")
        if not _VARIABLE.match(name):
            raise PbsError(f"-v holds no variable: {part!r}")
        if name.startswith("AWS_BATCH"):
            raise PbsError(f"{name} is a variable that AWS Batch sets")
        found[name] = text if equals else environment.get(name, "")
    return found


def _number(text: str, what: str) -> int:
    if not re.match(r"[0-9]{1,6}\Z", text):
        raise PbsError(f"{what} is no number: {text!r}")
    return int(text)
