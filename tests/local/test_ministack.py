"""The emulator under the local cloud can be exchanged: one package knows it."""

from pathlib import Path

import workflow_stacks.local

PACKAGE = Path(workflow_stacks.local.__file__).parent


def test_only_one_package_imports_ministack():
    knowing = {
        file.parent.relative_to(PACKAGE).as_posix()
        for file in PACKAGE.parent.rglob("*.py")
        if any(line.startswith(("import ministack", "from ministack")) for line in file.read_text().splitlines())
    }

    assert knowing == {"cloud/ministack"}
