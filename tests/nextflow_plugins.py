"""Nextflow's plugins for S3, AWS Batch, and its cache in S3, compiled from Nextflow's own sources.

No package registry has them, but Maven Central has all that they are compiled with. From a checkout of Nextflow at
the tag of the version under test (`nextflow_runtime.VERSION`), this makes them in a minute, into the user's cache
folder, where tests find them from then on; without them those that need them are skipped:

    git clone --depth 1 --branch v25.04.4 https://github.com/nextflow-io/nextflow
    python tests/nextflow_plugins.py nextflow

The AWS SDK for Java 1 in them does not know AWS_ENDPOINT_URL, by which programs find the local cloud. `Endpoint.java`,
a request handler that the SDK itself looks for, sends requests there when the variable is set.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import nextflow_runtime

ENDPOINT = Path(__file__).parent / "java" / "Endpoint.java"
HANDLERS = "com/amazonaws/global/handlers/request.handler2s"
"""Where the SDK reads the names of classes that see each request before it is signed."""

LOGIN = re.compile(r"software\.amazon\.awssdk:(sso|ssooidc):")
CREDENTIALS = "software.amazon.awssdk:auth:2.57.8"
"""What the plugin's sources need of the AWS SDK for Java 2; of its modules for logins, old versions are rare."""


def make(checkout: Path, name: str) -> Path:
    """Compile a plugin from a checkout of Nextflow, and return its folder.

    Raises:
        subprocess.CalledProcessError: A compiler or Maven failed; it has said why.
    """
    source = checkout / "plugins" / name
    manifest = (source / "src" / "resources" / "META-INF" / "MANIFEST.MF").read_text()
    [version] = re.findall(r"^Plugin-Version: (\S+)", manifest, re.MULTILINE)
    core = nextflow_runtime.jars()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        classes, libraries = folder / "classes", folder / "lib"
        _fetch(_libraries((source / "build.gradle").read_text()), folder, libraries)
        path = ":".join(map(str, (*core.glob("*.jar"), *libraries.glob("*.jar"))))
        classes.mkdir()
        libraries.mkdir(exist_ok=True)
        files = [str(file) for file in (source / "src" / "main").rglob("*") if file.suffix in (".groovy", ".java")]
        compiler = ["java", "-cp", path, "org.codehaus.groovy.tools.FileSystemCompiler", "-j", "-cp", path]
        _run([*compiler, "-d", str(classes), *files])
        if name == "nf-amazon":
            _run(["javac", "-cp", path, "-d", str(classes), str(ENDPOINT)])
            (classes / HANDLERS).parent.mkdir(parents=True)
            (classes / HANDLERS).write_text(f"{ENDPOINT.stem}\n")
        shutil.copytree(source / "src" / "resources", classes, dirs_exist_ok=True)
        target = nextflow_runtime.plugins() / f"{name}-{version}"
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(folder, target, ignore=shutil.ignore_patterns("pom.xml"))
        target.chmod(0o755)  # jobs run as other users
    return target


def _libraries(gradle: str) -> list[str]:
    """The libraries of the plugin's build, as GROUP:NAME:VERSION."""
    asked = re.findall(r"^\s*api ?\(?'([^']+)'\)?", gradle.partition("constraints {")[0], re.MULTILINE)
    return [*(one for one in asked if not LOGIN.match(one)), *([CREDENTIALS] if any(map(LOGIN.match, asked)) else [])]


def _fetch(libraries: Iterable[str], folder: Path, target: Path) -> None:
    dependencies = "".join(
        f"<dependency><groupId>{group}</groupId><artifactId>{name}</artifactId><version>{version}</version>"
        # Nextflow has it, and would have two.
        "<exclusions><exclusion><groupId>org.slf4j</groupId><artifactId>slf4j-api</artifactId></exclusion></exclusions>"
        "</dependency>"
        for group, name, version in (one.split(":") for one in libraries)
    )
    pom = folder / "pom.xml"
    pom.write_text(
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>tests</groupId>'
        f"<artifactId>nf-amazon</artifactId><version>1</version><dependencies>{dependencies}</dependencies></project>"
    )
    _run(["mvn", "-B", "-q", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={target}"])


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True)


if __name__ == "__main__":
    for plugin in nextflow_runtime.PLUGINS:
        print(make(Path(sys.argv[1]).resolve(), plugin))
