"""What a client sends to start a run, checked: fields of a form, and files, which stay in their folder."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from workflow_stacks.runs.workflow_source import document_and_process

from .model import WesError

PARAMETERS = ".workflow_params.json"
"""The inputs, beside the attachments whose names they hold. Hidden files are no part of a workflow."""
_PART_BYTES = 1 << 20
_ADDRESS = re.compile(r"(?:https|s3|git\+https)://\S+")
_TAG = re.compile(r"[\w .:/=+\-@]+")


@dataclass(frozen=True)
class Form:
    """What was sent.

    Attributes:
        fields: The fields of the form.
        attachments: The file names of attachments, and what reads them.
    """

    fields: Mapping[str, str] = field(default_factory=dict)
    attachments: Iterable[tuple[str, BinaryIO]] = ()

    def text(self, name: str, *, required: bool = False) -> str:
        """A field.

        Raises:
            WesError: It is required and missing.
        """
        value = self.fields.get(name, "").strip()
        if required and not value:
            raise WesError(400, f"{name} is missing")
        return value

    def mapping(self, name: str) -> dict[str, Any]:
        """A field that holds a JSON object; empty when it is missing.

        Raises:
            WesError: It holds something else.
        """
        text = self.text(name)
        try:
            value = json.loads(text) if text else {}
        except (ValueError, RecursionError) as error:
            raise WesError(400, f"{name} must be a JSON object: {error}") from error
        if not isinstance(value, dict):
            raise WesError(400, f"{name} must be a JSON object, and is {_short(value)}")
        return value

    def texts(self, name: str) -> dict[str, str]:
        """A field that holds a JSON object of texts.

        Raises:
            WesError: It holds something else.
        """
        found = self.mapping(name)
        for key, value in found.items():
            if not isinstance(value, str):
                raise WesError(400, f"{name}: the value of '{key}' must be a text, and is {_short(value)}")
        return found

    def tags(self) -> dict[str, str]:
        """The tags, which become tags of the head job in AWS Batch.

        Raises:
            WesError: AWS takes no such tags: https://docs.aws.amazon.com/batch/latest/userguide/using-tags.html.
        """
        found = self.texts("tags")
        for key, value in found.items():
            fits = len(key) <= 128 and len(value) <= 256 and not key.lower().startswith(("aws:", "workflow-context:"))
            if not (fits and _TAG.fullmatch(key) and (not value or _TAG.fullmatch(value))):
                raise WesError(
                    400,
                    f"tags: '{key[:130]}' cannot be a tag of a job in AWS Batch: up to 128 letters, digits, spaces and "
                    "_.:/=+-@, values up to 256, and no name that begins with aws: or workflow-context:",
                )
        if len(found) > 40:
            raise WesError(400, f"tags: at most 40, and there are {len(found)}")
        return found

    def save(self, folder: Path) -> list[str]:
        """Write the attachments into a folder, and return their names.

        Raises:
            WesError: A name leads out of the folder, or is given twice.
        """
        names: list[str] = []
        for name, content in self.attachments:
            path = PurePosixPath(name)
            parts = path.parts
            if (
                path.is_absolute()
                or not parts
                or ".." in parts
                or any(letter in name for letter in "\\\0\r\n")
                or any(part.startswith(".") for part in parts)
            ):
                raise WesError(
                    400,
                    f"workflow_attachment: the name {name!r} is not a relative path of an ordinary file: no '..', no "
                    "'/' at its beginning, no backslash, no hidden files",
                )
            file = folder.joinpath(*parts)
            try:
                file.parent.mkdir(parents=True, exist_ok=True)
                with file.open("xb") as written:
                    while part := content.read(_PART_BYTES):
                        written.write(part)
            except (FileExistsError, NotADirectoryError) as error:
                raise WesError(400, f"workflow_attachment: two files are named {name!r}") from error
            except OSError as error:
                raise WesError(400, f"workflow_attachment: {name!r} cannot be kept: {error.strerror}") from error
            names.append(str(path))
        return names


def workflow_in(url: str, folder: Path) -> str:
    """The workflow that a `workflow_url` means: an address, or a file or folder among the attachments.

    Behind it may stand the process of a CWL document that has several, as in `main.cwl#align`.

    Raises:
        WesError: It is neither.
    """
    if _ADDRESS.fullmatch(url):
        return url
    path = PurePosixPath(url)
    if "://" in url or path.is_absolute() or ".." in path.parts or "\0" in url:
        raise WesError(
            400,
            f"workflow_url must be an address that begins with https://, s3:// or git+https://, or the name of an "
            f"attachment, and is {url[:200]!r}",
        )
    file = folder.joinpath(*path.parts)
    document, _ = document_and_process(str(file), lambda one: Path(one).exists())
    if not Path(document).exists():
        there = ", ".join(sorted(str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file())) or "none"
        raise WesError(400, f"workflow_url: there is no attachment {url[:200]!r}; there are: {there[:1000]}")
    return str(file)


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 100 else f"{text[:100]}…"
