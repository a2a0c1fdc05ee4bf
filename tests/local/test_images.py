"""What is known of images where programs of this machine stand in for them."""

import pytest

from workflow_stacks.local.batch.images import is_reference, wrong_processor

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


def test_aws_2_a_plugin_that_only_this_machine_has_is_not_in_the_image(lab):
    script = (
        "import pkgutil; print(sorted(one.name for one in pkgutil.iter_modules() if 'cluster_generic' in one.name))"
    )

    def found(image):
        return lab.log(lab.run(f'python3 -c "{script}"', definition=lab.new_definition(image=image)))

    assert found("debian:12") == ["['snakemake_executor_plugin_cluster_generic']"]
    assert found(SNAKEMAKE) == ["[]"]


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
