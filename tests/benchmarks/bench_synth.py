"""What it costs to synthesize a project, beside a hand-written app that makes the same templates, and beside the
finished templates loaded as they are, in one run; with the rules by which the CDK validates templates, and without.

CPU seconds of Python and Node.js together: they depend less than elapsed time on what else the machine does. They
take turns, and the best of the rounds counts.

Run it by hand: python tests/benchmarks/bench_synth.py [--rounds N] [--write]; `--write` puts the tables into
docs/performance.md.
"""

import argparse
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from performance_page import write

ROOT = Path(__file__).parents[2]
HANDWRITTEN = Path(__file__).with_name("handwritten_app.py")
INCLUDED = Path(__file__).with_name("included_app.py")
SIZES = (1, 10, 50, 200)
SIZES_WITHOUT_RULES = (1, 50)
WITHOUT_RULES = {"CDK_VALIDATION": "false"}
Costs = Mapping[str, Mapping[int, "Cost"]]
VALIDATED = (1, 10, 100, 1000)
CONTEXT = "  context{}:\n    engines:\n      - {{type: wdl, engine: miniwdl, filesystem: {{fsType: EFS}}}}\n"


@dataclass(frozen=True)
class Cost:
    """What a command cost: CPU and elapsed seconds, and the memory of its largest process in MiB."""

    cpu: float
    elapsed: float
    memory: float

    @staticmethod
    def of(command: Sequence[str | Path], folder: Path, **environment: str) -> "Cost":
        """Run a command in a process of its own, which alone is then accounted for."""
        measured = [sys.executable, __file__, "--measure", *map(str, command)]
        result = subprocess.run(
            measured, cwd=folder, env={**os.environ, **environment}, check=True, capture_output=True, text=True
        )
        return Cost(*map(float, result.stdout.split()[-3:]))


def measure(command: Sequence[str]) -> None:
    """Run a command, and print its cost."""
    started = time.perf_counter()
    done = subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    elapsed = time.perf_counter() - started
    if done.returncode:
        sys.exit(done.stderr.decode())
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(usage.ru_utime + usage.ru_stime, elapsed, usage.ru_maxrss / 1024)


def project(folder: Path, contexts: int) -> Path:
    """A project of that many miniwdl contexts on Amazon EFS, with the app that synthesizes it."""
    place = folder / f"project-{contexts}"
    place.mkdir(exist_ok=True)
    body = "".join(map(CONTEXT.format, range(contexts)))
    (place / "agc-project.yaml").write_text(f"name: Bench\nschemaVersion: 1\ncontexts:\n{body}")
    (place / "app.py").write_text((ROOT / "app.py").read_text())
    (place / "cdk.json").write_text((ROOT / "cdk.json").read_text())
    return place


def best(costs: Sequence[Cost]) -> Cost:
    return min(costs, key=lambda cost: cost.cpu)


def synthesis(folder: Path, rounds: int) -> list[str]:
    """Both tables."""
    return [
        *_table(_costs(folder, SIZES, rounds, {})),
        "",
        "Without the rules of the CDK (`CDK_VALIDATION=false`):",
        "",
        *_table(_costs(folder, SIZES_WITHOUT_RULES, rounds, WITHOUT_RULES)),
    ]


def _costs(folder: Path, sizes: Sequence[int], rounds: int, environment: Mapping[str, str]) -> Costs:
    """The best cost of each app for each number of contexts; they take turns."""
    costs: dict[str, dict[int, Cost]] = {"ours": {}, "by hand": {}, "included": {}}
    for size in sizes:
        place = project(folder, size)
        template = place / "cdk.out" / "Bench-context0.template.json"
        apps: dict[str, list[str | Path]] = {
            "ours": ["app.py"],
            "by hand": [HANDWRITTEN, place / "by-hand.out", str(size)],
            "included": [INCLUDED, place / "included.out", template, str(size)],
        }
        turns = [
            {
                name: Cost.of([sys.executable, *app], place, **environment, CDK_OUTDIR=str(template.parent))
                for name, app in apps.items()
            }
            for _ in range(rounds if size <= 10 else max(1, rounds // 2))
        ]
        for name, of_size in costs.items():
            of_size[size] = best([turn[name] for turn in turns])
        print(
            f"{size} contexts: {', '.join(f'{one[size].cpu:.1f} s {name}' for name, one in costs.items())}",
            file=sys.stderr,
        )
    return costs


def _table(costs: Costs) -> list[str]:
    ours, theirs = costs["ours"], costs["by hand"]
    rows = [
        f"| {size} | {ours[size].cpu:.1f} s | {theirs[size].cpu:.1f} s | {ours[size].cpu / theirs[size].cpu:.2f} "
        f"| {' | '.join(_added(one, size) for one in costs.values())} | {ours[size].memory:.0f} MiB |"
        for size in ours
    ]
    return [
        "| contexts | ours | by hand | ratio | each added context | by hand | template alone | peak memory |",
        "|---|---|---|---|---|---|---|---|",
        *rows,
    ]


def _added(costs: Mapping[int, Cost], size: int) -> str:
    if size == 1:
        return ""
    return f"{1000 * (costs[size].cpu - costs[1].cpu) / (size - 1):.0f} ms"


def command_line(folder: Path, rounds: int) -> list[str]:
    """`cdk synth`, which starts the app, for one context; and how long `validate` and the imports take."""
    place = folder / "project-1"
    cdk = ROOT / "node_modules" / ".bin" / "cdk"
    script = Path(sys.executable).with_name("workflow-context")
    rows = [("`cdk synth`, 1 context", best([Cost.of([cdk, "synth", "--quiet"], place) for _ in range(rounds)]))]
    for size in VALIDATED:
        file = folder / f"{size}.yaml"
        file.write_text(f"name: Bench\nschemaVersion: 1\ncontexts:\n{''.join(map(CONTEXT.format, range(size)))}")
        command = [script, "validate", "--project", file]
        rows.append(
            (f"`workflow-context validate`, {size:,} contexts", best([Cost.of(command, folder) for _ in range(rounds)]))
        )
    for module in ("workflow_context", "workflow_stacks", "aws_cdk"):
        command = [sys.executable, "-c", f"import {module}"]
        rows.append((f"`import {module}`", best([Cost.of(command, folder) for _ in range(rounds)])))
    return [
        "| command | CPU | elapsed | peak memory |",
        "|---|---|---|---|",
        *(f"| {name} | {cost.cpu:.2f} s | {cost.elapsed:.2f} s | {cost.memory:.0f} MiB |" for name, cost in rows),
    ]


def main() -> None:
    if sys.argv[1:2] == ["--measure"]:
        measure(sys.argv[2:])
        return
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=4)
    options.add_argument("--write", action="store_true")
    chosen = options.parse_args()
    machine = (
        f"Measured with Python {platform.python_version()} on {os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}."
    )
    with TemporaryDirectory() as folder:
        sections = {
            "synthesis": [machine, "", *synthesis(Path(folder), chosen.rounds)],
            "commands": command_line(Path(folder), chosen.rounds),
        }
    for name, lines in sections.items():
        print("\n".join(lines), end="\n\n")
        if chosen.write:
            write(name, lines)


if __name__ == "__main__":
    main()
