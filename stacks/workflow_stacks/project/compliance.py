"""`compliance: hipaa`: what a context with health data has, whether or not it is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from .findings import Problem

LOG_DAYS = 2192
"""Six years, which documentation must be kept: 45 CFR 164.316(b)(2)(i).
https://www.ecfr.gov/current/title-45/subtitle-A/subchapter-C/part-164/subpart-C/section-164.316"""

IMPLIED: Mapping[str, Any] = MappingProxyType({"logRetentionDays": LOG_DAYS, "terminationProtection": True})
"""The keys of a context that `compliance: hipaa` sets where they are not written."""


def with_implied(data: Any) -> Any:
    """Add to a context as it is written what its compliance implies."""
    if not isinstance(data, dict) or data.get("compliance") != "hipaa":
        return data
    return {**IMPLIED, **data}


def contradictions(*, public: bool, log_days: int, protected: bool) -> Iterator[Problem]:
    """Yield what does not go with health data, of the keys of a context.

    Args:
        public: Whether jobs run in public subnets.
        log_days: For how many days logs are kept.
        protected: Whether the stack is protected.
    """
    if public:
        yield Problem(
            ("usePublicSubnets",),
            "machines in public subnets have public addresses, and the context says compliance: hipaa",
            remedy="remove usePublicSubnets: the context then runs in private subnets",
        )
    if log_days < LOG_DAYS:
        yield Problem(
            ("logRetentionDays",),
            f"logs of {log_days} days are too short for compliance: hipaa",
            f"{LOG_DAYS} days (six years) or more",
            f"remove it, which means {LOG_DAYS}",
        )
    if not protected:
        yield Problem(
            ("terminationProtection",),
            "the context says compliance: hipaa, and may be deleted by mistake",
            remedy="remove it, which means true",
        )
