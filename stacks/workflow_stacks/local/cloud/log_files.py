"""The events of a log stream in a file: a talkative job takes disk, not memory."""

import json
from array import array
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self, overload

Event = dict[str, Any]


class LogFile(Sequence[Event]):
    """A sequence of events, one a line of a file; only where each begins is kept in memory.

    Args:
        path: The file; what it holds is taken over.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._starts = array("Q")
        self._end = 0
        if path.exists():
            with path.open("rb") as file:
                for line in file:
                    if line.endswith(b"\n"):  # the last one may be torn
                        self._starts.append(self._end)
                        self._end += len(line)

    def extend(self, events: Iterable[Event]) -> None:
        """Append events."""
        lines = [json.dumps(event, separators=(",", ":")).encode() + b"\n" for event in events]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("r+b" if self.path.exists() else "wb") as file:
            file.seek(self._end)
            file.writelines(lines)
            file.truncate()
        for line in lines:
            self._starts.append(self._end)
            self._end += len(line)

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, index: int) -> Event: ...
    @overload
    def __getitem__(self, index: slice) -> list[Event]: ...
    def __getitem__(self, index: int | slice) -> Event | list[Event]:
        if isinstance(index, slice):
            numbers = range(*index.indices(len(self)))
            return (
                list(self._read(numbers.start, len(numbers))) if numbers.step == 1 else [self[one] for one in numbers]
            )
        number = index + len(self) if index < 0 else index
        if not 0 <= number < len(self):
            raise IndexError(index)
        return next(self._read(number, 1))

    def __iter__(self) -> Iterator[Event]:
        return self._read(0, len(self))

    def __deepcopy__(self, _memo: Any) -> Self:
        return self

    def _read(self, start: int, count: int) -> Iterator[Event]:
        if count <= 0:
            return
        with self.path.open("rb") as file:
            file.seek(self._starts[start])
            for _ in range(count):
                yield json.loads(file.readline())
