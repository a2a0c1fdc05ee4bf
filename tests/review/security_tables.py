"""The tables of docs/security.md, from a review of the project of conftest.py.

`python tests/review/security_tables.py` writes them anew.
"""

import json
import re
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from workflow_context.nag import COMPLIANCE_PACKS
from workflow_stacks.review import Review, RoleRights, review
from workflow_stacks.security_packs import PACKS

PAGE = Path(__file__).parents[2] / "docs" / "security.md"
_HASH = re.compile(r"[0-9A-F]{8}$")


def acknowledged_table(reviewed: Review) -> str:
    """A row for each rule and reason, with the packs that have the rule."""
    rows: dict[tuple[str, str], set[str]] = {}
    for one in reviewed.acknowledged:
        rule = one.finding.rule.partition("[")[0]
        for pack in COMPLIANCE_PACKS:
            rule = rule.removeprefix(f"{pack}-")
        rows.setdefault((rule, one.reason), set()).add(one.finding.pack)
    return _table(
        ("Rule", "Packs", "Why it is right as it is"),
        ((f"`{rule}`", ", ".join(sorted(packs)), reason) for (rule, reason), packs in sorted(rows.items())),
    )


def roles_table(reviewed: Review) -> str:
    """A row for each kind of role, with the contexts that have it and its actions."""
    rows: dict[tuple[str, str], list[str]] = {}
    for role in reviewed.roles:
        stack = role.stack.partition("-")[2]
        name = _HASH.sub("", role.name).removeprefix(stack)
        rows.setdefault((name, _actions(role)), []).append(stack)
    return _table(
        ("Role", "Contexts", "Actions"),
        ((f"`{name}`", ", ".join(stacks), actions) for (name, actions), stacks in sorted(rows.items())),
    )


def _actions(role: RoleRights) -> str:
    own = sorted({action for one in role.permissions for action in one.actions})
    return ", ".join(f"`{one}`" for one in (*role.managed_policies, *own))


def _table(titles: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(titles)
    lines = [head, ["---"] * len(head), *(list(row) for row in rows)]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


TABLES = {"acknowledged": acknowledged_table, "roles": roles_table}


def in_page(name: str) -> str:
    """The table that stands in the page."""
    found = re.search(rf"<!-- {name} -->\n(.*?)\n<!-- end -->", PAGE.read_text(), re.DOTALL)
    assert found, f"docs/security.md has no table between <!-- {name} --> and <!-- end -->"
    return found[1]


def main() -> None:
    sys.path.insert(0, str(Path(__file__).parent))
    from conftest import PROJECT

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "agc-project.yaml"
        file.write_text(json.dumps(PROJECT))
        reviewed = review(file, [], PACKS)
    for name, table in TABLES.items():
        begin, end = f"<!-- {name} -->\n", "\n<!-- end -->"
        PAGE.write_text(PAGE.read_text().replace(f"{begin}{in_page(name)}{end}", f"{begin}{table(reviewed)}{end}"))


if __name__ == "__main__":
    main()
