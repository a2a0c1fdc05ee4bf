"""A stand-in for Cromwell's jar, which is in no package registry.

It does to AWS Batch and S3 what Cromwell's backend does: it reads its configuration, options, inputs and the workflow;
it registers a definition that mounts the AWS CLI and fetch_and_run.sh from the machine, submits it with the address of
a script, waits, and copies an output.
"""

import shutil
import subprocess
from pathlib import Path

import pytest

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
        // Cromwell reads workflows from files, or from addresses without signing anything.
        String workflow = given[1].contains("://")
            ? answer(HttpRequest.newBuilder(URI.create(given[1])).build()) : Files.readString(Path.of(given[1]));
        String credentials = answer(HttpRequest.newBuilder(
            URI.create(System.getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI"))).header(
            "Authorization", System.getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN")).build());
        key = find("\"AccessKeyId\": ?\"([^\"]+)\"", credentials);
        token = find("\"Token\": ?\"([^\"]+)\"", credentials);
        String inputs = Files.readString(Path.of(given[3]));
        String name = find("\"hello.name\": \"(\\w+)\"", inputs);
        String seconds = find("\"hello.seconds\": (\\d+)|$", inputs);
        String options = Files.readString(Path.of(given[5]));
        String outputs = find("\"final_workflow_outputs_dir\": \"s3://([^\"]+)\"", options);
        String role = find("\"aws_batch_job_role_arn\": \"([^\"]+)\"", options);
        String work = find("root = \"s3://([^\"]+?)/?\"", config);
        String bucket = find("scriptBucketName = \"([^\"]+)\"", config);
        find("(workflow hello)", workflow);
        String aws = "/usr/local/aws-cli/v2/current/bin/aws";
        String script = find("\"aws_batch_script_bucket_prefix\": \"([^\"]+)\"", options) + "/hello";
        send("PUT", ENDPOINT + "/" + bucket + "/" + script,
            "s3", "echo hello " + name + " >out; sleep " + (seconds == null ? "0" : seconds) + "; "
            + aws + " s3 cp out s3://" + work + "/hello/out");
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
        // As does the log of the workflow, where the options say where to.
        Matcher logs = Pattern.compile("\"final_workflow_log_dir\": \"s3://([^\"]+)\"").matcher(options);
        if (logs.find()) send("PUT", ENDPOINT + "/" + logs.group(1) + "/workflow.1f0e.log", "s3",
            "2026-11-26 12:00:00,123 engine-dispatcher-20 INFO - WorkflowExecutionActor-1f0e [UUID(1f0e)]: "
            + "Workflow hello complete. Final Outputs:\n{}\n");
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


def as_program(folder: Path) -> Path:
    """Make the stand-in in `bin` of a folder. The test is skipped without a Java compiler.

    Args:
        folder: Where to; made if it does not exist.

    Returns:
        The folder, for --software.
    """
    if not (shutil.which("javac") and shutil.which("jar")):
        pytest.skip("the stand-in for Cromwell's jar needs a Java compiler")
    made = folder / "bin"
    made.mkdir(parents=True)
    (folder / "StandIn.java").write_text(STAND_IN)
    subprocess.run(["javac", "StandIn.java"], cwd=folder, check=True)
    jar = made / "cromwell.jar"
    subprocess.run(
        ["jar", "--create", "--file", jar, "--main-class", "StandIn", "StandIn.class"], cwd=folder, check=True
    )
    jar.chmod(0o755)
    return folder
