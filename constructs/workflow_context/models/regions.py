"""The AWS Regions by name, so that a misspelt one does not silently change limits and prices."""

from __future__ import annotations

import difflib

from .errors import ModelError

REGIONS = frozenset(
    {
        *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "ca-west-1", "mx-central-1", "sa-east-1"),
        *("eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1"),
        *("eu-south-2", "af-south-1", "il-central-1", "me-central-1", "me-south-1", "ap-east-1", "ap-east-2"),
        *("ap-south-1", "ap-south-2", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-southeast-1"),
        *("ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-6", "ap-southeast-7"),
        *("us-gov-east-1", "us-gov-west-1", "cn-north-1", "cn-northwest-1"),
    }
)
"""The Regions of AWS, as its price lists of 2026-09 name them."""


def check_region(region: str) -> str:
    """Return a Region's name.

    Raises:
        ModelError: There is no such Region.
    """
    if region not in REGIONS:
        close = difflib.get_close_matches(region, REGIONS, n=1)
        hint = f"did you mean {close[0]!r}?" if close else "for example us-east-1"
        raise ModelError(f"there is no Region {region!r}; {hint}")
    return region
