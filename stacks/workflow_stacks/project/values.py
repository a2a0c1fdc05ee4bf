"""The kinds of values in a project file: each reads what was written and says what is allowed.

They are annotations: `Annotated[int, Whole(1, 3414, "MiB/s")]`. Each also adds its limits to the JSON Schema.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args, get_origin

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, ValidationError, core_schema

from .findings import (
    Problem,
    did_you_mean,
    join_words,
    repr_value,
)
from .yaml.nodes import Plain

PROBLEM = "project_file"
"""The type of the pydantic errors made here; their context holds the parts of a `Problem`."""

INT32 = 2**31 - 1
"""The largest whole number that AWS takes where it sets no limit."""

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+")
_WITH_UNIT = re.compile(r"([0-9]{1,18})\s*[A-Za-z][A-Za-z/]*")
_TRUE = frozenset({"true", "yes", "on"})
_FALSE = frozenset({"false", "no", "off"})
_NEVER = r"\$\{|\{\{|[\u0000-\u001f\u007f]"  # what no text may hold, for the JSON Schema


def value_error(
    message: str, *, allowed: str = "", remedy: str = "", check: str = "invalid-value"
) -> PydanticCustomError:
    """Make the error that a validator raises for one wrong value."""
    parts = {"message": message, "allowed": allowed, "remedy": remedy, "check": check}
    return PydanticCustomError(PROBLEM, "{message}", parts)


def raise_problems(title: str, problems: Iterable[Problem], others: ValidationError | None = None) -> None:
    """Raise all problems of a model at once; their paths are relative to it.

    Args:
        title: The name of the model.
        problems: The problems.
        others: What another reading of the model found, to be raised too.

    Raises:
        ValidationError: There is a problem.
    """
    errors = [
        InitErrorDetails(
            type=value_error(
                problem.message,
                allowed=problem.allowed,
                remedy=problem.remedy,
                check=problem.check or "invalid-value",
            ),
            loc=problem.path,
            input=None,
        )
        for problem in problems
    ]
    errors += [
        InitErrorDetails(
            type=PydanticCustomError(PROBLEM, "{message}", error["ctx"]) if error["type"] == PROBLEM else error["type"],
            loc=error["loc"],
            input=error["input"],
            ctx=error.get("ctx", {}),
        )
        for error in (others.errors(include_url=False) if others else ())
    ]
    if errors:
        raise ValidationError.from_exception_data(title, errors)


def _not(value: object, what: str) -> str:
    return f"{repr_value(value)} is not {what}" if value is not None else "the value is empty"


class _Kind:
    """Base of the annotations: `parse` runs before pydantic's own validation."""

    def parse(self, value: Any) -> Any:
        """Read what was written. Default: as it stands."""
        return value

    def limits(self) -> dict[str, Any]:
        """Return what the kind adds to the JSON Schema."""
        return {}

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self.parse, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {**handler(schema), **self.limits()}


@dataclass(frozen=True)
class Whole(_Kind):
    """A whole number between two limits, both allowed.

    Attributes:
        low: The smallest.
        high: The largest.
        unit: Its unit, for messages.
    """

    low: int
    high: int
    unit: str = ""

    @property
    def allowed(self) -> str:
        """What may be written."""
        if self.low == self.high:
            return f"{self.low}"
        if self.high == INT32:
            return f"a whole number, at least {self.low}"
        return f"a whole number from {self.low} to {self.high}{f' {self.unit}' if self.unit else ''}"

    def parse(self, value: Any) -> Any:
        """Read a whole number that was written without quotes, unit and leading zeros."""
        number = value
        if isinstance(value, Plain) and _INTEGER.fullmatch(value):
            number = int(value)
        if isinstance(number, bool) or not isinstance(number, int):
            raise value_error(_not(value, "a whole number"), allowed=self.allowed, remedy=self._remedy(value))
        if not self.low <= number <= self.high:
            side = f"less than {self.low}" if number < self.low else f"more than {self.high}"
            raise value_error(f"{number} is {side}", allowed=self.allowed)
        return number

    def _remedy(self, value: Any) -> str:
        if not isinstance(value, str):
            return ""
        if not isinstance(value, Plain) and _INTEGER.fullmatch(value):
            return f"write {int(value)} without quotes"
        if _LEADING_ZERO.fullmatch(value):
            return "write it without the leading zero, which some programs read as octal"
        with_unit = _WITH_UNIT.fullmatch(value)
        if with_unit:
            return f"write {int(with_unit[1])}" + (f": the unit is always {self.unit}" if self.unit else "")
        return ""

    def limits(self) -> dict[str, Any]:
        """Return what the kind adds to the JSON Schema."""
        return {"minimum": self.low, "maximum": self.high}


@dataclass(frozen=True)
class Numbers(_Kind):
    """One of some whole numbers.

    Attributes:
        numbers: The numbers.
        unit: Their unit, for messages.
    """

    numbers: tuple[int, ...]
    unit: str = ""

    def parse(self, value: Any) -> Any:
        """Read one of the numbers, written as for `Whole`."""
        allowed = f"{', '.join(map(str, self.numbers))}{f' {self.unit}' if self.unit else ''}"
        number = Whole(-INT32, INT32, self.unit).parse(value) if _is_number(value) else value
        if number in self.numbers:
            return number
        if not _is_number(value):
            raise value_error(_not(value, "a whole number"), allowed=allowed)
        nearest = min(self.numbers, key=lambda one: abs(one - number))
        raise value_error(f"{number} is not one of the choices", allowed=allowed, remedy=f"write, say, {nearest}")

    def limits(self) -> dict[str, Any]:
        """Return what the kind adds to the JSON Schema."""
        return {"enum": list(self.numbers)}


def _is_number(value: Any) -> bool:
    return (isinstance(value, int) and not isinstance(value, bool)) or (
        isinstance(value, Plain) and _INTEGER.fullmatch(value) is not None
    )


class Flag(_Kind):
    """True or false; `yes`, `no`, `on` and `off` without quotes are read as in YAML 1.1."""

    def parse(self, value: Any) -> Any:
        """Read a flag."""
        if isinstance(value, bool):
            return value
        word = value.lower() if isinstance(value, str) else None
        if isinstance(value, Plain) and word in _TRUE | _FALSE:
            return word in _TRUE
        if word in _TRUE | _FALSE:
            raise value_error(
                f"{repr_value(value)} is quoted, so YAML reads it as text",
                allowed="true or false",
                remedy="remove the quotes",
            )
        raise value_error(_not(value, "true or false"), allowed="true or false")


@dataclass(frozen=True)
class Choice(_Kind):
    """One of the words of the annotated `Literal`.

    Attributes:
        hints: What to answer to words that are not allowed for a reason, by the word in lower case.
    """

    hints: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        words: tuple[str, ...] = get_args(source)

        def parse(value: Any) -> Any:
            if isinstance(value, str) and value in words:
                return str(value)
            written = value if isinstance(value, str) else ""
            remedy = self.hints.get(written.lower()) or did_you_mean(written, words)
            raise value_error(_not(value, "one of the choices"), allowed=join_words(words), remedy=remedy)

        return core_schema.no_info_before_validator_function(parse, handler(source))


@dataclass(frozen=True)
class Word(_Kind):
    """One of some words that are known when the program runs.

    Attributes:
        noun: What they are, for the message: `engine`.
        words: The words.
        allowed: Says which there are. Default: the words.
    """

    noun: str
    words: Collection[str] = field(hash=False)
    allowed: Callable[[], str] | None = None

    def parse(self, value: Any) -> Any:
        """Read a word."""
        if isinstance(value, str) and value in self.words:
            return str(value)
        allowed = self.allowed() if self.allowed else join_words(self.words)
        if not isinstance(value, str):
            raise value_error(_not(value, "text"), allowed=allowed)
        remedy = did_you_mean(value, self.words)
        raise value_error(f"there is no {self.noun} {repr_value(value)}", allowed=allowed, remedy=remedy)

    def limits(self) -> dict[str, Any]:
        """Return what the kind adds to the JSON Schema."""
        return {"enum": list(self.words)}


@dataclass(frozen=True)
class Text(_Kind):
    """Text of one line, optionally of a form. Numbers and dates are taken as they were written.

    Attributes:
        what: What it is, for messages, with an example.
        pattern: A regular expression that the whole text matches.
        longest: How many characters it may have.
        shortest: How many it must have.
        hint: From a wrong text to what to do; may answer "".
    """

    what: str = "text"
    pattern: str = ""
    longest: int = 1024
    shortest: int = 1
    hint: Callable[[str], str] | None = None

    def parse(self, value: Any) -> Any:
        """Read the text."""
        if not isinstance(value, str):
            quotes = "put it in quotes" if isinstance(value, int | float) else ""
            raise value_error(_not(value, "text"), allowed=self.what, remedy=quotes)
        text = str(value)
        if len(text) > self.longest:
            message = f"{repr_value(text)} has {len(text)} characters, more than {self.longest}"
            raise value_error(message, allowed=self.what)
        if len(text) < self.shortest:
            raise value_error("the text is empty", allowed=self.what)
        if not text.isprintable():
            raise value_error(f"{repr_value(text)} holds a line break or a control character", allowed=self.what)
        if "${" in text or "{{" in text:
            message = f"{repr_value(text)} holds '${{' or '{{{{', which CDK and CloudFormation would replace"
            raise value_error(message, allowed=self.what, remedy="write the value itself")
        if self.pattern and not re.fullmatch(self.pattern, text):
            remedy = self.hint(text) if self.hint else ""
            raise value_error(f"{repr_value(text)} is not in the expected format", allowed=self.what, remedy=remedy)
        return text

    def limits(self) -> dict[str, Any]:
        """Return what the kind adds to the JSON Schema."""
        limits: dict[str, Any] = {"minLength": self.shortest, "maxLength": self.longest, "not": {"pattern": _NEVER}}
        return {**limits, "pattern": f"^(?:{self.pattern})$"} if self.pattern else limits


class EmptyWhenNothing(_Kind):
    """A list or mapping whose key may stand without a value, as in `data:` alone."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        empty: object = () if get_origin(source) is tuple else {}
        return core_schema.no_info_before_validator_function(
            lambda value: empty if value is None else value, handler(source)
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        found = handler(schema)
        return {**found, "type": [found["type"], "null"]}
