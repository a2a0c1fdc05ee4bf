"""What is known of images where programs of this machine stand in for them."""

from dataclasses import dataclass
from importlib.metadata import version

import pytest

from workflow_stacks.local.batch.images import is_reference, wrong_processor
from workflow_stacks.local.engines import ENGINES

SNAKEMAKE = "docker.io/snakemake/snakemake:v9.27.1"
X86, ARM = {"instanceTypes": ["m6i", "c7i.xlarge"]}, {"instanceTypes": ["m7g", "c7g.xlarge"]}


@pytest.mark.parametrize(
    ("image", "resources", "wrong"),
    [
        (SNAKEMAKE, ARM, True),
        ("snakemake/snakemake:v9.27.1", {"instanceTypes": ["default_arm64"]}, True),
        (SNAKEMAKE, X86, False),
        (SNAKEMAKE, {"instanceTypes": ["optimal"]}, False),
        (SNAKEMAKE, {"type": "FARGATE"}, False),
        ("snakemake/snakemake:main", ARM, False),
        ("debian:12", ARM, False),
    ],
)
def test_aws_10_an_image_for_another_processor_is_known(image, resources, wrong):
    assert wrong_processor({"image": image}, {"computeResources": resources}) is wrong


def test_aws_10_on_fargate_the_definition_says_which_processor_it_is():
    container = {"image": SNAKEMAKE, "runtimePlatform": {"cpuArchitecture": "ARM64"}}

    assert wrong_processor(container, {"computeResources": {"type": "FARGATE"}})


def test_aws_10_a_job_in_an_image_for_another_processor_fails_as_ecs_says(lab):
    [like] = lab.batch.describe_job_queues(jobQueues=[lab.queue])["jobQueues"]
    names = [one["computeEnvironment"] for one in like["computeEnvironmentOrder"]]
    [found] = lab.batch.describe_compute_environments(computeEnvironments=names)["computeEnvironments"]
    environment = lab.batch.create_compute_environment(
        computeEnvironmentName="arm", type="MANAGED", computeResources={**found["computeResources"], **ARM}
    )["computeEnvironmentArn"]
    order = [{"order": 1, "computeEnvironment": environment}]
    queue = lab.batch.create_job_queue(jobQueueName="arm", priority=1, computeEnvironmentOrder=order)["jobQueueArn"]

    job = lab.run("echo ran", queue=queue, definition=lab.new_definition(image=SNAKEMAKE))

    assert (job["status"], job["container"]["exitCode"]) == ("FAILED", 255)
    assert lab.log(job) == ["exec bash: exec format error"]


@dataclass(frozen=True)
class Inside:
    """A module and a program that the default image of an engine has, and such as only this machine has."""

    engine: str
    there: tuple[str, str]
    missing: tuple[str, str]

    @property
    def image(self):
        return f"{ENGINES[self.engine].images[0]}:1"


INSIDE = [
    Inside("cromwell", ("json", "bash"), ("boto3", "aws")),
    Inside("miniwdl", ("miniwdl_aws", "aws"), ("toil", "toil")),
    Inside("nextflow", ("json", "bash"), ("boto3", "aws")),
    Inside("snakemake", ("snakemake", "snakemake"), ("snakemake_executor_plugin_cluster_generic", "aws")),
    Inside("toil", ("toil", "cwltool"), ("snakemake", "snakemake")),
]


SCRIPT_FIRST = '$(printf "%s" "$SCRIPT" >/tmp/script.sh; echo /tmp/script.sh)'
"""How a head job begins, whatever the entry point of its image is."""


def uses(module, program):
    return f"python3 -c 'import {module}' && command -v {program}"


def test_the_packages_of_each_engines_image_are_known():
    assert {one.engine for one in INSIDE} == ENGINES.keys()


@pytest.mark.parametrize("inside", INSIDE, ids=lambda inside: inside.engine)
def test_aws_2_a_job_has_the_packages_of_its_image_and_no_other_of_this_machine(lab, inside):
    def run(script, image=inside.image):
        variables = {"BASH_ENV": SCRIPT_FIRST, "SCRIPT": f"unset BASH_ENV; {script}; exit"}
        environment = [{"name": name, "value": value} for name, value in variables.items()]
        definition = lab.new_definition(image=image, environment=environment, volumes=[], mountPoints=[])
        return lab.run("exit 9", definition=definition)

    assert run(uses(*inside.missing), "debian:12")["status"] == "SUCCEEDED", "this machine has it"
    assert run(uses(*inside.there))["status"] == "SUCCEEDED"
    module, program = inside.missing
    refused = run(f"python3 -c 'import {module}'")
    assert refused["status"] == "FAILED"
    assert lab.log(refused)[-1] == f"ModuleNotFoundError: No module named '{module}'"
    assert run(f"command -v {program}")["status"] == "FAILED"


def test_aws_2_a_plugin_of_snakemake_is_there_when_it_was_installed_and_only_in_its_version(lab):
    definition = lab.new_definition(image=SNAKEMAKE, volumes=[], mountPoints=[])
    plugin, wanted = (
        "snakemake_storage_plugin_s3",
        f"snakemake-storage-plugin-s3=={version('snakemake-storage-plugin-s3')}",
    )

    for install, path in (("python -m pip install --quiet", ""), ("pip install --target /tmp/new", "/tmp/new")):
        assert lab.run(f"python -c 'import {plugin}'", definition=definition)["status"] == "FAILED"
        job = lab.run(f"{install} {wanted} && PYTHONPATH={path} python -c 'import {plugin}'", definition=definition)
        assert job["status"] == "SUCCEEDED", lab.log(job)

    other = lab.run("pip install snakemake-storage-plugin-s3==0.0.1", definition=definition)
    assert (other["status"], lab.log(other)[-1].split(":")[0]) == ("FAILED", "snakemake-storage-plugin-s3==0.0.1")


@pytest.mark.parametrize("image", ["--privileged", "-v/:/host", "", "a b", "a;b"])
def test_rob_3_an_image_is_no_option_of_a_container_engine(image):
    assert not is_reference(image)


@pytest.mark.parametrize(
    "image",
    [
        "debian",
        SNAKEMAKE,
        "quay.io/biocontainers/samtools:1.21--h50ea8bc_0",
        "000000000000.dkr.ecr.us-east-1.amazonaws.com/tools/bwa@sha256:" + "a" * 64,
    ],
)
def test_names_of_images_are_taken(image):
    assert is_reference(image)


def test_rob_3_a_job_with_an_option_as_its_image_cannot_start(lab):
    job = lab.run("true", definition=lab.new_definition(image="--privileged"))

    assert job["status"] == "FAILED"
    assert "invalid reference format" in job["container"]["reason"]
