"""What a bucket of a context's own is needed for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .findings import Problem


def own_bucket_is_asked_for(own_bucket: bool, written: Mapping[str, str | None]) -> Iterator[Problem]:
    """Keys that a shared bucket cannot have are refused without a bucket of the context's own.

    Args:
        own_bucket: Whether it has one.
        written: The keys, each with what was written, or None.
    """
    for key, value in written.items():
        if value is not None and not own_bucket:
            yield Problem(
                (key,),
                f"{value} is for a bucket of the context's own; this one is the project's, which all contexts share",
                remedy=f"add 'ownBucket: true', or remove {key}",
            )
