"""Deploys every engine and kind of file system to a real account, asks what only AWS can answer, and cleans up.

    python tests/aws/smoke.py                       # with your credentials; says first what it costs, and asks
    python tests/aws/smoke.py --contexts mwEfs,nfS3
    python tests/aws/smoke.py --local --contexts mwEfs   # the same code on a local cloud

It refuses to begin where one of its stacks exists. Whatever happens, also Ctrl-C, it destroys what it deployed and
tells what is left. The exit code is 0 when all cases went well and nothing is left.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).parent))

from cases import cases
from place import HERE, Place

from workflow_stacks.local.runs.deployment import ended_by_signals

HOURS = 3
MACHINES_USD = 2.0
"""What the short jobs of all contexts take of Fargate and EC2, generously; see docs/releasing.md."""
_HOURS_PER_MONTH = 730


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the smoke test; the exit code."""
    everything = list(yaml.safe_load((HERE / "smoke.yaml").read_text(encoding="utf-8"))["contexts"])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contexts", default=",".join(everything), help="comma-separated; default: all")
    parser.add_argument("--local", action="store_true", help="on a local cloud")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    given = parser.parse_args(arguments)
    contexts = given.contexts.split(",")
    unknown = sorted(set(contexts) - set(everything))
    if unknown:
        parser.error(f"no such context: {', '.join(unknown)}; there are {', '.join(everything)}")
    with tempfile.TemporaryDirectory(prefix="smoke-") as folder, ended_by_signals():
        place = Place(Path(folder), contexts, local=given.local)
        try:
            return _run(place, ask=not given.yes)
        finally:
            place.stop()


def _run(place: Place, *, ask: bool) -> int:
    there = place.existing()
    if there:
        _tell(f"These stacks exist, and are not of this test: {', '.join(there)}. Nothing was done.")
        return 1
    if not place.local:
        account = place.client("sts").get_caller_identity()["Account"]
        region = place.client("sts").meta.region_name
        _tell(f"Deploys {', '.join(place.stacks)} to account {account}, {region}.")
        _tell(f"Costs about {_usd(place):.2f} USD, and takes up to {HOURS} hours. All is removed at the end.")
    if ask and input("Go on? [y/N] ").strip().lower() not in ("y", "yes"):
        return 1
    failed = 1
    try:
        place.deploy()
        failed = sum(not _passes(case.name, case.run) for case in cases(place))
    except KeyboardInterrupt:
        _tell("Interrupted: cleaning up")
    finally:
        place.destroy()
        left = place.left()
    _tell(f"Left over: {', '.join(left)}" if left else "Nothing is left.")
    _tell(f"{failed} failed" if failed else "All went well.")
    return 1 if failed or left else 0


def _passes(name: str, run: Callable[[], str]) -> bool:
    start = time.monotonic()
    try:
        said = run()
    except Exception:  # noqa: BLE001  whatever goes wrong in one case, the others are asked
        _tell(f"FAILED {name}\n{traceback.format_exc()}")
        return False
    _tell(f"ok {name} ({time.monotonic() - start:.0f} s) {said}".rstrip())
    return True


def _usd(place: Place) -> float:
    """What the stacks cost in that time by the project's own price book, and the machines of the jobs."""
    from workflow_context.models.costs import idle_cost
    from workflow_context.models.prices import default_prices
    from workflow_stacks.testing import synth

    prices, templates = default_prices(), synth(str(place.project_file))
    month = sum(idle_cost(template, prices, stack=name).usd for name, template in templates.items())
    return month / _HOURS_PER_MONTH * HOURS + MACHINES_USD


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
