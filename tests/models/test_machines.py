"""The machines of a context, read from its templates, and what a run costs on them."""

import pytest
from pydantic.alias_generators import to_camel

from workflow_context.models.cfn import Stacks
from workflow_context.models.errors import ModelError
from workflow_context.models.file_systems import CHOICES
from workflow_context.models.file_systems.from_template import choices_of
from workflow_context.models.healthomics import healthomics_run
from workflow_context.models.instances import SHAPES
from workflow_context.models.machines import Machines, Task, machines_of
from workflow_context.models.prices import PRICED_REGIONS, default_prices
from workflow_context.models.run_costs import run_cost
from workflow_context.models.spot import spot_record
from workflow_context.models.workloads import Workload, load_workload

PRICES = default_prices()


def workload(**figures) -> Workload:
    given = {"name": "made-up", "input_gib": 100, "tasks": 10, "concurrency": 10, "task_hours": 2.0}
    return Workload.model_validate({to_camel(name): value for name, value in (given | figures).items()})


def stacks(*types: str, kind: str = "EC2", **more) -> Stacks:
    environment = {"ComputeResources": {"Type": kind, "InstanceTypes": list(types)}}
    resources = {"TaskEnvironment0A": {"Type": "AWS::Batch::ComputeEnvironment", "Properties": environment}, **more}
    return Stacks({"Own": {"Resources": resources}})


def resource(type_: str, **properties) -> dict:
    return {"Type": type_, "Properties": properties}


def test_spot_types_and_root_volume_are_those_of_the_template():
    volume = {"BlockDeviceMappings": [{"Ebs": {"VolumeSize": 300}}]}
    template = resource("AWS::EC2::LaunchTemplate", LaunchTemplateData=volume)
    found = machines_of(stacks("c7g.4xlarge", kind="SPOT", Launch=template))
    assert (found.names, found.spot, found.root_volume_gib) == (("c7g.4xlarge",), True, 300)


def test_a_graviton_context_is_priced_on_graviton():
    run = run_cost(CHOICES[0], workload(), PRICES, machines=machines_of(stacks("c7g.4xlarge", kind="SPOT")))
    assert run.placement.instance_type == "c7g.4xlarge"
    assert run.compute[0].item == "tasks on c7g.4xlarge, Spot"
    assert SHAPES[run.placement.instance_type].architecture == "arm64"


def test_a_gpu_task_is_priced_on_a_machine_with_a_gpu():
    run = run_cost(CHOICES[0], workload(task_gpus=1), PRICES, machines=machines_of(stacks("g4dn", "g5", "g6")))
    assert SHAPES[run.placement.instance_type].gpus == 1
    assert run_cost(CHOICES[0], workload(task_gpus=1), PRICES).placement.instance_type.startswith("g")
    with pytest.raises(ModelError, match="1 GPUs"):
        run_cost(CHOICES[0], workload(task_gpus=1), PRICES, machines=machines_of(stacks("m6i")))


def test_a_task_that_only_another_kind_of_machines_holds_is_priced_there():
    kind = {"ComputeResources": {"Type": "SPOT", "InstanceTypes": ["g5"]}}
    more = {"ComputeMachinesGpuTaskEnvironment0C": resource("AWS::Batch::ComputeEnvironment", **kind)}
    found = machines_of(stacks("m6i", **more))
    assert found.names == ("m6i",)
    gpus = run_cost(CHOICES[0], workload(task_gpus=1), PRICES, machines=found)
    assert gpus.placement.instance_type.startswith("g5.")
    assert gpus.compute[0].item.endswith(", Spot")
    plain = run_cost(CHOICES[0], workload(), PRICES, machines=found)
    assert plain.placement.instance_type.startswith("m6i.")


def test_a_task_that_no_type_of_the_context_holds_is_refused_in_a_sentence():
    with pytest.raises(ModelError, match=r"fits on none of c7g\.large: the largest is c7g\.large with 2 vCPUs"):
        Machines(("c7g.large",)).place(Task(64, 500), PRICES)
    with pytest.raises(ModelError, match="none of these instance types is known"):
        Machines(("x9.large",)).place(Task(1, 1), PRICES)


def test_a_machine_holds_as_many_tasks_as_are_said_to_share_it():
    placed = Machines().place(Task(2, 8), PRICES, tasks_per_host=4)
    assert (placed.instance_type, placed.tasks_per_host) == ("m6i.2xlarge", 4)
    fixed = Machines(("r5.4xlarge",)).place(Task(2, 8), PRICES, tasks_per_host=4)
    assert fixed.tasks_per_host == 8  # that is what fits, and AWS Batch fills machines


def test_a_large_task_fits_on_a_large_machine():
    assert Machines().place(Task(96, 700), PRICES).instance_type == "r6i.24xlarge"


@pytest.mark.parametrize("region", PRICED_REGIONS)
def test_each_priced_region_has_prices_for_the_families_of_aws_batch(region):
    book = default_prices(region)
    for family in ("c6i", "m6i", "r6i"):
        assert book.instance(f"{family}.4xlarge").value == pytest.approx(8 * book.instance(f"{family}.large").value)
    assert spot_record("m6i.xlarge", region).saving_percent > 30


def test_the_head_job_runs_where_the_template_says():
    head = resource("AWS::Batch::ComputeEnvironment", ComputeResources={"Type": "FARGATE"})
    on_fargate = run_cost(CHOICES[0], workload(), PRICES, machines=machines_of(stacks("m6i", HeadEnvironment0B=head)))
    assert any("Fargate" in line.item for line in on_fargate.compute)
    ofs = next(choice for choice in CHOICES if choice.key == "OFS")
    assert any(line.item.startswith("head job alone on") for line in run_cost(ofs, workload(), PRICES).compute)


def test_image_pulls_logs_root_volumes_and_addresses_are_in_a_run():
    run = run_cost(CHOICES[0], workload(), PRICES, machines=Machines(public_addresses=True))
    items = " ".join(line.item for line in run.around)
    for what in ("root volumes of 100 GiB", "image pulls through the NAT gateway", "ingested logs", "public IPv4"):
        assert what in items
    without = run_cost(CHOICES[0], workload(image_gib=0, log_mib_per_task=0), PRICES)
    assert [line.item for line in without.around] == ["root volumes of 100 GiB"]


def test_lustre_has_the_capacity_of_the_template_and_refuses_what_does_not_fit():
    lustre = {
        "FileSystemType": "LUSTRE",
        "StorageCapacity": 1200,
        "LustreConfiguration": {"DeploymentType": "SCRATCH_2"},
    }
    templates = {"Own": {"Resources": {"Fs": resource("AWS::FSx::FileSystem", **lustre)}}}
    [choice] = choices_of("FSxLustre", templates)
    run = run_cost(choice, load_workload("simulation-cpu-bound"), PRICES)
    assert run.use.setting == "SCRATCH_2, 1,200 GiB"
    with pytest.raises(ModelError, match=r"does not fit: it stores .* holds 1,200 GiB; set storageCapacityGib to"):
        run_cost(choice, load_workload("nfcore-sarek-tumor-normal"), PRICES)


def test_persistent_lustre_without_a_price_is_named_and_not_zero():
    lustre = {
        "FileSystemType": "LUSTRE",
        "StorageCapacity": 2400,
        "LustreConfiguration": {"DeploymentType": "PERSISTENT_2", "PerUnitStorageThroughput": 250},
    }
    [choice] = choices_of("FSxLustre", {"Own": {"Resources": {"Fs": resource("AWS::FSx::FileSystem", **lustre)}}})
    run = run_cost(choice, load_workload("simulation-cpu-bound"), PRICES)
    assert any("PERSISTENT_2 250" in item.item for item in run.unpriced)


def test_efs_has_the_zone_and_the_lifecycle_of_the_template():
    efs = resource(
        "AWS::EFS::FileSystem",
        ThroughputMode="bursting",
        AvailabilityZoneName="us-east-1a",
        LifecyclePolicies=[{"TransitionToIA": "AFTER_30_DAYS"}],
    )
    [choice] = choices_of("EFS", {"Own": {"Resources": {"Fs": efs}}})
    run = run_cost(choice, workload(retention_hours=2160), PRICES)
    prices = {line.item: line.price.value for line in run.use.per_run}
    assert prices == {"EFS storage": 0.16, "EFS Infrequent Access": 0.0133}
    assert choice.key == "EFS One Zone bursting, IA after 30 days"


def test_objectivefs_has_the_memory_of_its_expected_size():
    [choice] = choices_of("OFS", {"Own": {"Resources": {}}}, configuration={"expectedSizeTb": 30})
    assert run_cost(choice, workload(), PRICES).use.extra_task_memory_gb == 5
    assert "ObjectiveFS licence" in [item.item for item in choice.idle_unpriced(PRICES)]
    with pytest.raises(ModelError, match="raise expectedSizeTb"):
        run_cost(choice, workload(input_gib=20_000), PRICES)


def test_healthomics_is_priced_by_its_published_figures():
    run = healthomics_run(load_workload("gatk-germline-wgs"), PRICES)
    # 60 tasks of 2.5 hours on omics.m with 8 vCPUs at 4 x 0.1296, and 464 GiB for 12.5 hours at 0.000411.
    assert run.usd == pytest.approx(60 * 2.5 * 4 * 0.1296 + 464 * 12.5 * 0.000411)
    assert healthomics_run(load_workload("gatk-germline-wgs"), default_prices("eu-west-1")) is None
