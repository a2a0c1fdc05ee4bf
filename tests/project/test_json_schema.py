"""The JSON Schema, as an editor uses it."""

from pathlib import Path

import pytest
import yaml
from cfnlint.jsonschema import StandardValidator  # a general validator of JSON Schema, and installed

from workflow_stacks.project import ProjectFileError, json_schema, parse_project

PROJECTS = Path(__file__).parents[1] / "projects"
GOOD = [PROJECTS / f"{name}.yaml" for name in ("minimal", "full", "miniwdl", "snakemake", "throughput")]
GOOD += sorted((PROJECTS / "agc").glob("*.yaml"))


def messages(text: str) -> list[str]:
    return [error.message for error in StandardValidator(json_schema()).iter_errors(yaml.safe_load(text))]


@pytest.mark.parametrize("file", GOOD, ids=lambda file: file.stem)
def test_the_schema_accepts_good_projects(file: Path) -> None:
    assert messages(file.read_text()) == []


@pytest.mark.parametrize(
    "name",
    [
        "misspelt-top-key",
        "misspelt-context-key",
        "misspelt-efs-key",
        "misspelt-engine-key",
        "python-name-in-efs",
        "missing-name",
        "name-with-dash",
        "context-name-with-underscore",
        "two-engines",
        "no-engine",
        "engine-made-up",
        "unknown-language",
        "throughput-zero",
        "throughput-above",
        "throughput-text",
        "throughput-fraction",
        "throughput-mode-unknown",
        "zone-id",
        "architecture-amd64",
        "data-no-scheme",
        "tag-with-odd-letters",
    ],
)
def test_the_schema_refuses_wrong_projects(name: str) -> None:
    assert messages((PROJECTS / "invalid" / f"{name}.yaml").read_text()) != []


def test_every_key_has_a_description() -> None:
    schema = json_schema()
    sections = [schema, *schema["$defs"].values()]

    lacking = [
        key for section in sections for key, value in section["properties"].items() if not value.get("description")
    ]

    assert lacking == []


def test_the_schema_names_its_dialect() -> None:
    assert json_schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("key", ["contexts", "data", "tags", "workflows"])
def test_a_key_without_a_value_is_accepted_as_by_the_checks(key: str) -> None:
    text = f"name: A\nschemaVersion: 1\n{key}:\n"
    assert messages(text) == []
    parse_project(text.encode())


OFS = "expectedSizeTb: 1, licenseSecretArn: 'arn:aws:secretsmanager:us-east-1:123456789012:secret:a-AbCdEf'"


def one(keys: str = "", engine: str = "", filesystem: str = "{fsType: EFS}") -> str:
    """A project file with one context."""
    return (
        "name: A\nschemaVersion: 1\ncontexts:\n"
        f"  one: {{{keys}engines: [{{type: wdl, engine: miniwdl, {engine}filesystem: {filesystem}}}]}}\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        *(
            f"name: A\nschemaVersion: 1\ntags: {tags}\n"
            for tags in (
                "{aws:x: '1'}",
                "{AWS:x: '1'}",
                f"{{{', '.join(f'k{number}: v' for number in range(41))}}}",
                "{a: 'x;y'}",
                "{'a;b': x}",
                '{a: "x\\ny"}',
                f"{{a: '{'x' * 257}'}}",
                f"{{{'k' * 129}: x}}",
            )
        ),
        *(
            f"name: A\nschemaVersion: 1\ndata: [{{location: {location}}}]\n"
            for location in ("'s3://bucket/${Token[x.1]}'", "'s3://bucket/{{x}}'", '"s3://bucket/a\\nb"')
        ),
        'name: A\nschemaVersion: 1\nworkflows: {w: {type: {language: wdl}, sourceURL: "a\\nb"}}\n',
        one(engine="version: 'a b', "),
        one("amiId: ami-xyz, "),
        one("maxVCpus: '256', "),
        one("requestSpotInstances: y, "),
        one(filesystem="{fsType: FSxLustre, configuration: {storageCapacityGib: 1300}}"),
        one(filesystem="{fsType: FSxLustre, configuration: {storageCapacityGib: 3600}}"),
        one(filesystem="{fsType: FSxLustre, configuration: {deploymentType: PERSISTENT_2, perUnitThroughput: 300}}"),
        one(filesystem=f"{{fsType: OFS, configuration: {{{OFS}, packageUri: 's3://bucket/${{Token[x.1]}}.rpm'}}}}"),
        one(filesystem=f"{{fsType: OFS, configuration: {{{OFS}, packageUri: 's3://bucket/*.rpm'}}}}"),
    ],
)
def test_editors_refuse_what_the_checks_refuse(text: str) -> None:
    assert messages(text) != []
    with pytest.raises(ProjectFileError):
        parse_project(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "name: A\nschemaVersion: 1\ntags: {a: 5, b: '', c: 'Zürich 1/2 = a+b@c', 'Größe': true}\n",
        "name: A\nschemaVersion: 1\ndata: [{location: 's3://bucket/a b+c/ü'}, {location: s3://bucket/}]\n",
        one("requestSpotInstances: yes, "),
        one("monitoring: , "),
        one("instanceTypes: , "),
        one(engine="version: 1.2, "),
        one(filesystem="{fsType: FSxLustre, configuration: {storageCapacityGib: 1200}}"),
        one(filesystem="{fsType: FSxLustre, configuration: {storageCapacityGib: 4800}}"),
        one(filesystem=f"{{fsType: OFS, configuration: {{{OFS}, packageUri: 's3://bucket/o-{{arch}}.rpm'}}}}"),
    ],
)
def test_editors_accept_what_the_checks_accept(text: str) -> None:
    assert messages(text) == []
    parse_project(text.encode())
