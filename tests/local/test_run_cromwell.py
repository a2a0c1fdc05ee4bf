"""`workflow-context local run` with Cromwell's head jobs and tasks, by a stand-in for its jar.

Cromwell's jar is in no package registry. The stand-in below does to AWS Batch and S3 what Cromwell's backend does: it
reads its configuration, options, inputs and the workflow; it registers a definition that mounts the AWS CLI and
fetch_and_run.sh from the machine, submits it with the address of a script, waits, and copies an output.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from local_runs import needs_sandbox
from typer.testing import CliRunner

from workflow_stacks.cli import app as command_line
from workflow_stacks.errors import WorkflowContextError
from workflow_stacks.local import LocalCloud
from workflow_stacks.local.engines import ENGINES
from workflow_stacks.local.engines.base import Place

pytestmark = pytest.mark.cycle

PROJECT = """\
name: Crom
schemaVersion: 1
contexts:
  wdl:
    engines: [{type: wdl, engine: cromwell}]
"""
WORKFLOW = "version 1.0\nworkflow hello { input { String name } }\n"
STAND_IN = r"""
import java.net.URI;
import java.net.http.*;
import java.nio.file.*;
import java.util.regex.*;

public class StandIn {
    static final HttpClient CLIENT = HttpClient.newHttpClient();
    static final String ENDPOINT = System.getenv("AWS_ENDPOINT_URL");
    static String key, token;

    public static void main(String[] given) throws Exception {
        String config = Files.readString(Path.of(System.getProperty("config.file")));
        if (!given[0].equals("run") || !given[2].equals("--inputs") || !given[4].equals("--options")) System.exit(9);
        // Cromwell reads workflows without signing anything.
        String workflow = answer(HttpRequest.newBuilder(URI.create(given[1])).build());
        String credentials = answer(HttpRequest.newBuilder(
            URI.create(System.getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI"))).header(
            "Authorization", System.getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN")).build());
        key = find("\"AccessKeyId\": ?\"([^\"]+)\"", credentials);
        token = find("\"Token\": ?\"([^\"]+)\"", credentials);
        String name = find("\"hello.name\": \"(\\w+)\"", Files.readString(Path.of(given[3])));
        String options = Files.readString(Path.of(given[5]));
        String outputs = find("\"final_workflow_outputs_dir\": \"s3://([^\"]+)\"", options);
        String role = find("\"aws_batch_job_role_arn\": \"([^\"]+)\"", options);
        String work = find("root = \"s3://([^\"]+?)/?\"", config);
        String bucket = find("scriptBucketName = \"([^\"]+)\"", config);
        find("(workflow hello)", workflow);
        String aws = "/usr/local/aws-cli/v2/current/bin/aws";
        String script = find("\"aws_batch_script_bucket_prefix\": \"([^\"]+)\"", options) + "/hello";
        send("PUT", ENDPOINT + "/" + bucket + "/" + script,
            "s3", "echo hello " + name + " >out; " + aws + " s3 cp out s3://" + work + "/hello/out");
        String definition = find("\"jobDefinitionArn\": ?\"([^\"]+)\"", batch("registerjobdefinition", (
            "{'jobDefinitionName': 'cromwell_x', 'type': 'container', 'containerProperties': {'image': 'debian:13', "
            + "'command': ['/bin/bash', '-c', '/var/scratch/fetch_and_run.sh'], 'jobRoleArn': '" + role + "', "
            + "'logConfiguration': {'logDriver': 'awslogs', 'options': {'awslogs-group': '"
            + find("logGroupName = \"([^\"]+)\"", config) + "'}}, "
            + "'vcpus': 1, 'memory': 512, 'volumes': ["
            + "{'name': 'fetchAndRunScript', 'host': {'sourcePath': '/usr/local/bin/fetch_and_run.sh'}}, "
            + "{'name': 'awsCliHome', 'host': {'sourcePath': '/usr/local/aws-cli'}}], 'mountPoints': ["
            + "{'sourceVolume': 'fetchAndRunScript', 'readOnly': true, "
            + "'containerPath': '/var/scratch/fetch_and_run.sh'}, "
            + "{'sourceVolume': 'awsCliHome', 'readOnly': true, 'containerPath': '/usr/local/aws-cli'}]}}")));
        String job = find("\"jobId\": ?\"([^\"]+)\"", batch("submitjob", (
            "{'jobName': 'hello', 'jobQueue': '" + find("queueArn = \"([^\"]+)\"", config) + "', 'jobDefinition': '"
            + definition + "', 'containerOverrides': {'environment': ["
            + "{'name': 'BATCH_FILE_S3_URL', 'value': 's3://" + bucket + "/" + script + "'}]}}")));
        for (String status = ""; !status.equals("SUCCEEDED"); Thread.sleep(200)) {
            status = find("\"status\": ?\"(\\w+)\"", batch("describejobs", "{'jobs': ['" + job + "']}"));
            if (status.equals("FAILED")) System.exit(1);
        }
        // Tasks write to the execution root; Cromwell itself copies the outputs of the workflow.
        answer(request("PUT", ENDPOINT + "/" + outputs + "/out", "s3", "")
            .header("x-amz-copy-source", "/" + work + "/hello/out").build());
    }

    static String batch(String action, String body) throws Exception {
        return send("POST", ENDPOINT + "/v1/" + action, "batch", body.replace('\'', '"'));
    }

    static String send(String method, String url, String service, String body) throws Exception {
        return answer(request(method, url, service, body).build());
    }

    static HttpRequest.Builder request(String method, String url, String service, String body) {
        return HttpRequest.newBuilder(URI.create(url))
            .header("Authorization", "AWS4-HMAC-SHA256 Credential=" + key
                + "/20260101/us-east-1/" + service + "/aws4_request, SignedHeaders=host, Signature=0")
            .header("X-Amz-Security-Token", token)
            .method(method, HttpRequest.BodyPublishers.ofString(body));
    }

    static String answer(HttpRequest request) throws Exception {
        HttpResponse<String> answer = CLIENT.send(request, HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() / 100 != 2) throw new RuntimeException(request.uri() + ": " + answer.body());
        return answer.body();
    }

    static String find(String pattern, String text) {
        Matcher found = Pattern.compile(pattern).matcher(text);
        if (!found.find()) throw new RuntimeException(pattern + " is not in " + text);
        return found.group(1);
    }
}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project, its workflow, and a directory with the stand-in for the jar."""
    if not (shutil.which("javac") and shutil.which("jar")):
        pytest.skip("the stand-in for Cromwell's jar needs a Java compiler")
    needs_sandbox()
    folder = tmp_path_factory.mktemp("cromwell")
    (folder / "agc-project.yaml").write_text(PROJECT)
    (folder / "hello.wdl").write_text(WORKFLOW)
    (folder / "StandIn.java").write_text(STAND_IN)
    jar = folder / "software" / "bin" / "cromwell.jar"
    jar.parent.mkdir(parents=True)
    subprocess.run(["javac", "StandIn.java"], cwd=folder, check=True)
    subprocess.run(
        ["jar", "--create", "--file", jar, "--main-class", "StandIn", "StandIn.class"], cwd=folder, check=True
    )
    jar.chmod(0o755)
    yield folder
    LocalCloud.of_project(folder / "agc-project.yaml").stop()


def run(folder: Path, *arguments: str):
    more = ["--project", str(folder / "agc-project.yaml"), "--json"]
    return CliRunner().invoke(
        command_line, ["local", "run", "wdl", str(folder / "hello.wdl"), "name=zoe", *arguments, *more]
    )


def test_head_job_and_task_run_with_a_jar_that_is_pointed_to(folder: Path) -> None:
    done = run(folder, "--software", str(folder / "software"))

    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    assert result["tasks"] == {"SUCCEEDED": 1}
    [(name, address)] = result["outputs"].items()
    bucket, _, key = address.removeprefix("s3://").partition("/")
    s3 = LocalCloud.of_project(folder / "agc-project.yaml").client("s3")
    assert name == "out"
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"hello zoe\n"


def test_without_the_jar_it_is_said_where_to_put_it(folder: Path) -> None:
    done = run(folder)

    assert done.exit_code == 1
    assert "chmod +x DIRECTORY/bin/cromwell.jar, and --software DIRECTORY" in done.stderr


def test_a_context_with_a_file_system_is_refused(folder: Path) -> None:
    with pytest.raises(WorkflowContextError, match="give its context 'filesystem: "):
        ENGINES["cromwell"].prepare(folder / "hello.wdl", [], Place([], None, "s3://b/local-runs/1/", "/mnt/efs"))
