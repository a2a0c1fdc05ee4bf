"""Patterns and variables in policies, and the context that variables are taken from.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

import re
from collections.abc import Mapping
from functools import lru_cache

Context = Mapping[str, tuple[str, ...]]
"""Condition keys in lower case, each with its values. A key that the request does not have is absent."""

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_LITERAL_VARIABLES = frozenset("*?$")


def glob(pattern: str, *, ignore_case: bool = False) -> re.Pattern[str]:
    """A pattern of IAM: `*` is any text, `?` one character."""
    return any_glob((pattern,), ignore_case=ignore_case)


@lru_cache(maxsize=8192)
def any_glob(patterns: tuple[str, ...], *, ignore_case: bool = False) -> re.Pattern[str]:
    """One pattern for several: it matches what one of them matches, and nothing without any."""
    text = "|".join(map(_expression, patterns)) if patterns else "(?!)"
    return re.compile(f"(?:{text})\\Z", (re.IGNORECASE if ignore_case else 0) | re.DOTALL)


def _expression(pattern: str) -> str:
    # What a policy variable such as ${*} stood for is no wildcard: `substituted` put it behind a zero byte.
    parts = re.split(r"(\x00.|[*?])", pattern, flags=re.DOTALL)
    wild = {"*": ".*", "?": "."}
    return "".join(wild.get(part, re.escape(part.removeprefix("\x00"))) for part in parts)


def substituted(text: str, context: Context) -> str | None:
    """A text of a policy with its variables replaced; None when one of them has no value."""
    if "${" not in text:
        return text
    missing = False

    def value(found: re.Match[str]) -> str:
        nonlocal missing
        name, _, default = found[1].partition(",")
        if name in _LITERAL_VARIABLES:
            return "\x00" + name
        values = context.get(name.strip().lower(), ())
        if len(values) == 1:
            return re.sub(r"([*?])", "\x00\\1", values[0])
        if default:
            return default.strip().strip("'")
        missing = True
        return ""

    replaced = _VARIABLE.sub(value, text)
    return None if missing else replaced
