"""What the name of an EC2 instance type says: its form, its processor, its accelerator, its size.

Only the name is read, so that types which appear tomorrow work without a new version.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .findings import did_you_mean

OPTIMAL = "optimal"
"""AWS Batch chooses among current x86 families."""

_SIZES = ("nano", "micro", "small", "medium", "large", "xlarge", "metal")
_FAMILY = re.compile(r"([a-z]+)([0-9]+)([a-z]{0,4})((?:-[a-z0-9]+)?)")
_MEMORY_FAMILY = re.compile(r"u-?[0-9]*[a-z]*-[0-9]+tb[0-9]?")
_SIZE = re.compile(r"nano|micro|small|medium|large|xlarge|[1-9][0-9]{0,2}xlarge|metal(-[1-9][0-9]{0,2}xl)?")
_PREFIXES = frozenset(re.findall("[a-z]+", "a c d dl f g gr h hpc i im inf is m p r t trn u vt x z"))
_GPU_PREFIXES = frozenset({"p", "g", "gr"})
_OTHER_ACCELERATORS = frozenset({"inf", "trn", "dl", "vt", "f"})
_AMD_GPU = frozenset({"g4ad"})
_VCPUS = {"medium": 1, "large": 2, "xlarge": 4}


@dataclass(frozen=True)
class InstanceName:
    """An instance type or family, as written.

    Attributes:
        family: Such as `m6i`.
        size: Such as `xlarge`; empty for a family.
    """

    family: str
    size: str

    @property
    def prefix(self) -> str:
        """The letters before the generation: `c` of `c6gn`."""
        return re.split(r"[0-9-]", self.family, maxsplit=1)[0]

    @property
    def is_known_prefix(self) -> bool:
        """Whether families of these letters exist."""
        return self.prefix in _PREFIXES

    @property
    def architecture(self) -> str:
        """`arm64` for Graviton and Grace processors, which have a g after the generation; else `x86_64`."""
        match = _FAMILY.fullmatch(self.family)
        is_arm = self.prefix == "a" or (match is not None and ("g" in match[3] or "-gb" in self.family))
        return "arm64" if is_arm else "x86_64"

    @property
    def has_gpu(self) -> bool:
        """Whether it has NVIDIA GPUs."""
        return self.prefix in _GPU_PREFIXES and self.family not in _AMD_GPU

    @property
    def has_other_accelerator(self) -> bool:
        """Whether it has an accelerator that is not an NVIDIA GPU."""
        return self.prefix in _OTHER_ACCELERATORS or self.family in _AMD_GPU

    @property
    def vcpus(self) -> int | None:
        """Its vCPUs as far as the size says; None for families, bare metal and the small sizes."""
        if self.size.endswith("xlarge") and self.size != "xlarge":
            return 4 * int(self.size.removesuffix("xlarge"))
        return _VCPUS.get(self.size)


def parse(written: str) -> InstanceName | None:
    """Read a type (`m6i.xlarge`) or family (`m6i`); None when it has neither form."""
    family, dot, size = written.partition(".")
    match = _FAMILY.fullmatch(family)
    ends_in_size = match is not None and any(_SIZE.fullmatch(part.lstrip("-")) for part in match.groups()[2:])
    has_family = (match and not ends_in_size) or _MEMORY_FAMILY.fullmatch(family)
    has_size = _SIZE.fullmatch(size) if dot else True
    return InstanceName(family, size) if has_family and has_size else None


def suggestion(written: str) -> str:
    """Suggest what may have been meant by a name that `parse` does not read; empty when nothing is near."""
    if len(written) > 40:
        return ""
    lower = written.strip().lower()
    if parse(lower) or lower == OPTIMAL:
        return f"did you mean '{lower}'?"
    if lower.endswith(".*") and parse(lower[:-2]):
        return f"did you mean '{lower[:-2]}'? a family stands for all its sizes"
    family, dot, size = lower.partition(".")
    if dot and parse(family):
        number = re.match(r"[0-9]*", size)
        multiple = f"{number[0]}xlarge" if number and number[0] else ""
        return did_you_mean(size, [*_SIZES, multiple] if multiple else _SIZES).replace("'", f"'{family}.", 1)
    guess = _with_a_dot(lower)
    if guess:
        return f"did you mean '{guess}'?"
    return did_you_mean(lower, [OPTIMAL])


def _with_a_dot(written: str) -> str:
    """Find the place between family and size: `m5.xlarge` for `m5-xlarge`, `m5xlarge` and `m5.x-large`."""
    letters = re.sub(r"[.\-_ ]", "", written)
    guesses = (f"{letters[:place]}.{letters[place:]}" for place in range(1, len(letters)))
    return next((guess for guess in guesses if parse(guess)), "")
