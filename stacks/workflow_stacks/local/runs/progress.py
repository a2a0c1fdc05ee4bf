"""Progress: tells on stderr what is happening, and in which second; the CDK CLI's flood becomes a line per stack."""

import re
import sys
import time
from typing import TextIO

# Demo-core |  3/61 | 1:41:02 AM | CREATE_COMPLETE | AWS::EC2::VPC | Network/Vpc (NetworkVpc8378EB38)
EVENT = re.compile(
    r"^(?P<stack>\S+) \| +(?P<done>\d+)(/(?P<total>\d+))? \|[^|]*\| (?P<status>\w+) +\| (?P<type>\S+) +\| (?P<what>.*)$"
)
FINISHED = re.compile(r"^\s*✅  (?P<stack>[^\s:]+)(?P<unchanged> \(no changes\))?(?P<gone>: destroyed)?\s*$")
REASONS = ("_FAILED", "ROLLBACK_IN_PROG")


class Progress:
    """A clock and a stream.

    Args:
        stream: Where to write. Default: stderr.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._given = stream
        self._live = self._stream.isatty()
        self._passing = False
        self._start = time.monotonic()
        self._resources: dict[str, str] = {}

    def say(self, text: str) -> None:
        """Write a line with the second it happens in."""
        self._clear()
        self._stream.write(f"{time.monotonic() - self._start:6.1f} s  {text}\n")
        self._stream.flush()

    def hear(self, line: str) -> None:
        """Take a line of the CDK CLI and tell what matters in it."""
        if event := EVENT.match(line):
            stack, what = event["stack"], event["what"].strip()
            if event["total"]:
                self._resources[stack] = event["total"]
            if any(reason in event["status"] for reason in REASONS):
                self.say(f"{stack}: {event['type']}: {what}")
            else:
                self._show(f"{stack}: {event['done']} of {self._resources.get(stack, '?')} resources: {what}")
        elif finished := FINISHED.match(line):
            self.say(f"{finished['stack']}: {self._result(finished)}")

    @property
    def _stream(self) -> TextIO:
        """Whoever shows something live on the terminal takes the place of stderr meanwhile."""
        return self._given or sys.stderr

    def _result(self, finished: re.Match[str]) -> str:
        if finished["gone"]:
            return "destroyed"
        if finished["unchanged"]:
            return "nothing to change"
        number = self._resources.get(finished["stack"])
        return f"done, {number} resources" if number else "done"

    def _show(self, text: str) -> None:
        if self._live:
            self._clear()
            self._stream.write(f"{time.monotonic() - self._start:6.1f} s  {text}"[:100])
            self._stream.flush()
            self._passing = True

    def _clear(self) -> None:
        """Take away the line that was there for a moment."""
        if self._passing:
            self._stream.write("\r\x1b[K")
            self._passing = False
