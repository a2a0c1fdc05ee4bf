"""NextflowEngine with its work directory on the shared file system: what the template says and Nextflow reads."""

import json
from pathlib import Path
from typing import Any

import pytest
from nextflow_runtime import nextflow
from policies import may
from rendered import allowed, environment, output, statements, submission
from templates import Template, Templates, resources


@pytest.fixture(scope="module", params=["nextflowEfs", "nextflowEfsSpot"])
def template(engine_templates: Templates, request: pytest.FixtureRequest) -> Template:
    found: Template = engine_templates[request.param]
    return found


@pytest.fixture(scope="module")
def settings(engine_templates: Templates, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The rendered configuration, as Nextflow reads it: key to value."""
    folder = tmp_path_factory.mktemp("nextflow") / "rendered"
    folder.mkdir()
    (folder / "context.config").write_text(output(engine_templates["nextflowEfs"], "ClientConfiguration"))
    said = nextflow(["-C", "context.config", "config", "-flat"], folder)
    return dict(line.split(" = ", 1) for line in said.splitlines() if " = " in line)


def definitions(template: Template) -> list[dict[str, Any]]:
    return list(resources(template, "AWS::Batch::JobDefinition").values())


def front_end_name(template: Template) -> str:
    return environment(template)["WORKFLOW_CONTEXT"]


def definition(template: Template) -> str:
    """A job definition as the front end registers it for an image."""
    return f"arn:aws:batch:us-east-1:123456789012:job-definition/{front_end_name(template)}-fe-0123456789abcdef0123:1"


def queues(template: Template) -> list[str]:
    return [output(template, name) for name in ("TaskQueue", "FallbackQueue") if name in template["Outputs"]]


JOB = "arn:aws:batch:us-east-1:123456789012:job/0cf1e5ab-8b9b-4a4b-9a7b-0c2c8a7a1d11"


class TestConfiguration:
    def test_the_work_directory_is_in_that_of_the_run(self, settings: dict[str, str]) -> None:
        """So that it goes with the run, and with no other."""
        assert settings["workDir"].endswith("/rendered/work'")
        assert settings["process.executor"] == "'pbs'"

    def test_nothing_of_aws_is_in_it_so_that_no_plugin_is_fetched(self, settings: dict[str, str]) -> None:
        assert not [name for name in settings if name.startswith("aws")]

    def test_no_engine_for_containers_runs_in_a_container(self, settings: dict[str, str]) -> None:
        assert {settings[f"{name}.enabled"] for name in ("docker", "singularity", "apptainer", "podman")} == {"false"}

    def test_the_queue_is_the_one_of_tasks(self, settings: dict[str, str], engine_templates: Templates) -> None:
        assert settings["process.queue"] == f"'{output(engine_templates['nextflowEfs'], 'TaskQueue')}'"


class TestKindsOfMachines:
    def test_head_jobs_know_them_and_a_label_names_what_no_task_gets_otherwise(
        self, engine_templates: Templates, tmp_path: Path
    ) -> None:
        template = engine_templates["nextflowEfsKinds"]
        own, *others = json.loads(environment(template)["WORKFLOW_MACHINES"])
        assert own == {}
        for one in others:
            for key, queue in (("queue", "TaskQueue"), ("fallback", "FallbackQueue")):
                assert one[key] == output(template, f"{queue}{one['name'].title()}").rpartition("/")[2]
        assert [one["name"] for one in others] == ["large", "gpu", "arm"]
        (tmp_path / "rendered.config").write_text(environment(template)["NEXTFLOW_CONFIG"])
        said = nextflow(["-C", "rendered.config", "config", "-flat"], tmp_path)
        labels = [line for line in said.splitlines() if "withLabel" in line]
        assert labels == ["process.'withLabel:arm'.queue = 'arm'"]

    def test_where_there_is_one_kind_they_are_told_nothing(self, engine_templates: Templates) -> None:
        assert "WORKFLOW_MACHINES" not in environment(engine_templates["nextflowEfs"])


class TestHeadJob:
    def test_knows_the_queues_and_the_definition_of_tasks(self, template: Template) -> None:
        told = environment(template)
        assert told["WORKFLOW_TASK_QUEUE"] == output(template, "TaskQueue")
        assert told["WORKFLOW_TASK_DEFINITION"] == output(template, "TaskJobDefinition")
        assert told.get("WORKFLOW_FALLBACK_QUEUE") == (
            output(template, "FallbackQueue") if "FallbackQueue" in template["Outputs"] else None
        )

    def test_remembers_on_the_file_system(self, template: Template) -> None:
        assert environment(template)["WORKFLOW_STATE"] == "/mnt/efs/nextflow/front-end"


class TestTaskJob:
    def test_mounts_the_file_system(self, template: Template) -> None:
        [task] = [
            one["Properties"]["ContainerProperties"]
            for name, one in resources(template, "AWS::Batch::JobDefinition").items()
            if "TaskJob" in name
        ]
        assert [one["ContainerPath"] for one in task["MountPoints"]] == ["/mnt/efs"]
        assert task["Image"] == "public.ecr.aws/docker/library/ubuntu:24.04"

    def test_instances_need_no_command_line_of_aws(self, template: Template) -> None:
        assert "workflow-aws-cli" not in json.dumps(template)


class TestRights:
    def test_head_jobs_register_only_definitions_named_after_the_context(self, template: Template) -> None:
        [names] = allowed(template, "HeadRole", "batch:RegisterJobDefinition")
        assert names.endswith(f":job-definition/{front_end_name(template)}-fe-*")

    def test_contexts_have_names_of_their_own(self, engine_templates: Templates) -> None:
        assert len({front_end_name(engine_templates[name]) for name in ("nextflowEfs", "nextflowEfsSpot")}) == 2

    def test_head_jobs_submit_to_the_queues_of_the_context_with_its_definitions(self, template: Template) -> None:
        found = allowed(template, "HeadRole", "batch:SubmitJob")
        assert "*" not in found
        assert set(queues(template)) <= set(found)
        assert [one for one in found if ":job-definition/" in one] == [definition(template).rpartition("-")[0] + "-*"]
        names = [one["Properties"].get("JobDefinitionName") for one in definitions(template)]
        assert f"{front_end_name(template)}-fe-tasks" in names

    def test_head_jobs_end_only_jobs_that_carry_the_tag_of_the_context(self, template: Template) -> None:
        [ending] = [one for one in statements(template, "HeadRole") if one.get("Sid") == "EndOwnTasks"]
        assert ending["Condition"] == {"StringEquals": {"aws:ResourceTag/workflow-context": front_end_name(template)}}

    def test_head_jobs_tag_what_they_submit_or_register_with_the_tag_of_the_context(self, template: Template) -> None:
        tags = {"aws:RequestTag/workflow-context": front_end_name(template), "aws:TagKeys": ["workflow-context"]}
        for one in (definition(template), *queues(template)):
            assert may(template, "HeadRole", "batch:TagResource", one, tags)

    def test_head_jobs_give_no_other_tag(self, template: Template) -> None:
        name = front_end_name(template)
        for tags in (
            {"aws:RequestTag/workflow-context": "other", "aws:TagKeys": ["workflow-context"]},
            {"aws:RequestTag/Owner": name, "aws:TagKeys": ["Owner"]},
            {
                "aws:RequestTag/workflow-context": name,
                "aws:RequestTag/Owner": name,
                "aws:TagKeys": ["workflow-context", "Owner"],
            },
            {},
        ):
            for one in (definition(template), *queues(template)):
                assert not may(template, "HeadRole", "batch:TagResource", one, tags)

    def test_head_jobs_tag_no_job_that_is_there_and_take_no_tag_away(self, template: Template) -> None:
        """Else they could make the jobs of others their own, and end them."""
        tags = {"aws:RequestTag/workflow-context": front_end_name(template), "aws:TagKeys": ["workflow-context"]}
        for owner in ({}, {"aws:ResourceTag/workflow-context": "other"}):
            assert not may(template, "HeadRole", "batch:TagResource", JOB, {**tags, **owner})
            assert not may(template, "HeadRole", "batch:UntagResource", JOB, {**tags, **owner})

    def test_head_jobs_end_no_job_of_another_context(self, template: Template) -> None:
        own = {"aws:ResourceTag/workflow-context": front_end_name(template)}
        assert may(template, "HeadRole", "batch:TerminateJob", JOB, own)
        assert not may(template, "HeadRole", "batch:CancelJob", JOB, own), "no engine uses it"
        assert not may(template, "HeadRole", "batch:TerminateJob", JOB, {"aws:ResourceTag/workflow-context": "other"})
        assert not may(template, "HeadRole", "batch:TerminateJob", JOB)

    def test_head_jobs_submit_nothing_of_another_context(self, template: Template, engine_templates: Templates) -> None:
        others = [engine_templates[name] for name in ("nextflowEfs", "nextflowEfsSpot")]
        for other in others:
            mine = other is template
            assert may(template, "HeadRole", "batch:SubmitJob", definition(other)) == mine
            assert may(template, "HeadRole", "batch:RegisterJobDefinition", definition(other)) == mine

    def test_head_jobs_pass_the_roles_of_tasks_and_no_others(self, template: Template) -> None:
        roles = allowed(template, "HeadRole", "iam:PassRole")
        assert len(roles) == 2
        assert any("TaskRole" in one for one in roles)
        assert any("ExecutionRole" in one for one in roles)


def test_a_client_is_told_how_to_submit(template: Template) -> None:
    options = submission(template)
    assert options["--job-definition"] == output(template, "HeadJobDefinition")
    assert options["--job-queue"] == output(template, "HeadQueue")
    definitions = resources(template, "AWS::Batch::JobDefinition").values()
    [parameters] = [one["Properties"]["Parameters"] for one in definitions if "Parameters" in one["Properties"]]
    assert json.loads(options["--parameters"]).keys() == parameters.keys()


def test_what_a_pipeline_says_of_executors_is_overruled(engine_templates: Templates, tmp_path: Path) -> None:
    """It may say so for a laptop."""
    (tmp_path / "context.config").write_text(output(engine_templates["nextflowEfs"], "ClientConfiguration"))
    (tmp_path / "nextflow.config").write_text("process.executor = 'local'\ndocker.enabled = true\n")
    said = nextflow(["-c", "context.config", "config", "-flat"], tmp_path)
    assert "process.executor = 'pbs'" in said
    assert "docker.enabled = false" in said
