"""Nextflow itself, from its jars on Maven Central, to read what is rendered for it.

The jars (31 MB) are fetched by Maven once, into `cdk-workflow-context/nextflow-<version>` in the user's cache folder
(`XDG_CACHE_HOME`, else `~/.cache`), and used from there without a network afterwards. Maven Central has the core
without its plugins: those for S3 and AWS Batch are made by `nextflow_plugins.py`, and used where they were.
"""

import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

VERSION = "25.04.4"
_NOT_THERE = "io.seqera:lib-trace"  # not on Maven Central, and not needed to read configurations and run local tasks
_LANGUAGE_VERSION = "25.04.0"  # of nf-lang, the nearest one there

_OPENED = (
    *("java.lang", "java.io", "java.net", "java.nio", "java.nio.file.spi", "java.util", "java.util.regex"),
    *("java.util.concurrent.atomic", "java.util.concurrent.locks", "jdk.internal.misc", "jdk.internal.vm"),
    *("sun.net.www.protocol.file", "sun.net.www.protocol.ftp", "sun.net.www.protocol.http"),
    *("sun.net.www.protocol.https", "sun.nio.ch", "sun.nio.fs"),
)
JAVA_OPTIONS = tuple(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENED)
"""What Nextflow's own launcher gives Java too. Without it Nextflow silently keeps no index of finished tasks: Kryo,
which writes the entries, reads private fields of java.util; and its plugins cannot add S3 to the kinds of files."""

PLUGINS = ("nf-amazon", "nf-cloudcache")
"""What Nextflow needs with its work directory in S3: files there and AWS Batch, and its index of finished tasks."""

_QUICK_START = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""Runs of tests are over before Java could make good use of a better compiler: these halve the time that they take."""

_POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>tests</groupId><artifactId>nextflow-itself</artifactId><version>1</version>
  <dependencyManagement><dependencies><dependency>
    <groupId>io.nextflow</groupId><artifactId>nf-lang</artifactId><version>{_LANGUAGE_VERSION}</version>
  </dependency></dependencies></dependencyManagement>
  <dependencies><dependency>
    <groupId>io.nextflow</groupId><artifactId>nextflow</artifactId><version>{VERSION}</version>
    <exclusions><exclusion>
      <groupId>{_NOT_THERE.split(":")[0]}</groupId><artifactId>{_NOT_THERE.split(":")[1]}</artifactId>
    </exclusion></exclusions>
  </dependency></dependencies>
</project>
"""


def nextflow(arguments: Sequence[str], folder: Path, variables: Mapping[str, str] | None = None) -> str:
    """Run Nextflow in a folder and return what it prints. The test is skipped where it cannot be had.

    Args:
        arguments: What stands after `nextflow`.
        folder: Where it runs, and keeps all it writes.
        variables: More environment variables.
    """
    java = shutil.which("java")
    if java is None or _java_version(java) < 17:
        pytest.skip("Nextflow needs Java 17 or later")
    run = subprocess.run(
        [java, *JAVA_OPTIONS, *_QUICK_START, "-cp", f"{jars()}/*", "nextflow.cli.Launcher", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "NXF_HOME": str(folder / "home"),
            "NXF_OFFLINE": "true",
            "NXF_DISABLE_CHECK_LATEST": "true",
            "NXF_ANSI_LOG": "false",
            **(variables or {}),
        },
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def _java_version(java: str) -> int:
    said = subprocess.run([java, "-version"], capture_output=True, text=True).stderr
    found = re.search(r'version "(\d+)', said)
    return int(found[1]) if found else 0


def as_program(folder: Path, *, with_plugins: bool = False) -> list[Path]:
    """Make `bin/nextflow` in a folder, for jobs of the local cloud; that folder, and what the program needs beside.

    Args:
        folder: The folder.
        with_plugins: Whether it has the plugins for a work directory in S3, which must have been made.
    """
    program = folder / "bin" / "nextflow"
    program.parent.mkdir(parents=True)
    options = " ".join((*JAVA_OPTIONS, *_QUICK_START))
    lines = ["#!/bin/sh", f'exec java {options} -cp "{jars()}/*" nextflow.cli.Launcher "$@"']
    if with_plugins:
        # nf-amazon has a variable of its own for the address of S3.
        lines[1:1] = [
            f"export NXF_PLUGINS_MODE=prod NXF_PLUGINS_DIR={plugins()} NXF_OFFLINE=true",
            'export AWS_S3_ENDPOINT="${AWS_ENDPOINT_URL_S3-}"',
        ]
    program.write_text("\n".join([*lines, ""]))
    program.chmod(0o755)
    return [folder, jars(), *([plugins()] if with_plugins else [])]


def plugins() -> Path:
    """The folder of plugins, which may be empty."""
    core = jars()
    return core.with_name(f"{core.name}-plugins")


def has_plugins() -> bool:
    """Whether the plugins were made that Nextflow needs with its work directory in S3."""
    return all(any(plugins().glob(f"{name}-*")) for name in PLUGINS)


def jars() -> Path:
    """The folder of Nextflow's jars; fetched once, by whichever process comes first."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    jars = cache / "cdk-workflow-context" / f"nextflow-{VERSION}"
    jars.mkdir(parents=True, exist_ok=True)
    with (jars / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _fetch(jars)
    return jars


def _fetch(jars: Path) -> None:
    if not (jars / f"nextflow-{VERSION}.jar").exists():
        maven = shutil.which("mvn")
        if maven is None:
            pytest.skip(f"Nextflow's jars are not in {jars}, and Maven is not here to fetch them")
        (jars / "pom.xml").write_text(_POM)
        run = subprocess.run(
            [maven, "-B", "-q", "-f", str(jars / "pom.xml"), "dependency:copy-dependencies", "-DoutputDirectory=."],
            capture_output=True,
            text=True,
            timeout=240,
        )
        if run.returncode:
            pytest.skip(f"Maven could not fetch Nextflow's jars: {run.stdout[-300:]}")
