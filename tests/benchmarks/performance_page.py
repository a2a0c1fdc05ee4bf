"""The tables of docs/performance.md, which benchmarks write."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"


def write(section: str, lines: Sequence[str]) -> None:
    """Put lines between the marks of a section of the page."""
    text = PAGE.read_text()
    marked = re.compile(rf"(<!-- {section} -->\n).*?(<!-- end -->)", re.DOTALL)
    if not marked.search(text):
        sys.exit(f"{PAGE} has no section {section}")
    PAGE.write_text(marked.sub(lambda found: found[1] + "\n" + "\n".join(lines) + "\n\n" + found[2], text, count=1))
