"""Resource types in words."""

from __future__ import annotations

import re
from collections.abc import Mapping

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]+|[0-9]+")


def not_drawn(counts: Mapping[str, int]) -> str:
    """Say how many resources of each type there are: `1 flow log, 2 log groups`."""
    return ", ".join(f"{count} {_noun(type_name)}{'' if count == 1 else 's'}" for type_name, count in counts.items())


def _noun(type_name: str) -> str:
    words = _WORD.findall(type_name.rpartition("::")[2])
    return " ".join(word if word.isupper() else word.lower() for word in words)
