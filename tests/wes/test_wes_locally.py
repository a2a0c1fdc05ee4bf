"""The service on a context of the local cloud: real runs by HTTP, by the published client, and by the function."""

import json
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
import uvicorn
import yaml
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from wes_runs import ATTACHMENTS, ENDED, start, wait_for

from workflow_stacks.wes.app import wes_app
from workflow_stacks.wes.model import BASE
from workflow_stacks.wes.projects import project_service

pytestmark = pytest.mark.cycle

TOKEN = "a-token-of-the-tests"
SPECIFICATION = Path(__file__).parent / "schemas" / "workflow_execution_service.openapi.yaml"


@pytest.fixture(scope="module")
def address(project_file: Path) -> Iterator[str]:
    """The address of a service as `workflow-context wes --local` starts it."""
    app = wes_app(project_service(project_file, local=True), token=TOKEN)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with httpx.Client(base_url=f"{address}{BASE}", headers=headers, timeout=120) as client:
        yield client


@pytest.fixture(scope="module")
def complete(client: httpx.Client) -> str:
    run_id = start(client)
    assert wait_for(client, run_id, *ENDED) == "COMPLETE", client.get(f"/runs/{run_id}").text
    return run_id


class TestARunThatCompletes:
    def test_has_its_outputs_its_request_and_its_log(self, client: httpx.Client, complete: str) -> None:
        log = client.get(f"/runs/{complete}").json()
        assert (log["state"], log["outputs"]) == ("COMPLETE", {"count.found": 3})
        request = log["request"]
        assert (request["workflow_url"], request["workflow_type"]) == ("main.wdl", "WDL")
        assert (request["workflow_type_version"], request["tags"]) == ("1.0", {"study": "S 1"})
        assert request["workflow_params"]["count.data"].startswith("s3://")
        assert request["workflow_engine_parameters"] == {"context": "wdl"}
        assert (log["run_log"]["exit_code"], log["run_log"]["cmd"][0] != "") == (0, True)
        assert "count" in client.get(log["run_log"]["stderr"]).text

    def test_has_its_tasks_with_their_logs(self, client: httpx.Client, complete: str) -> None:
        address = client.get(f"/runs/{complete}").json()["task_logs_url"]
        [task] = client.get(address).json()["task_logs"]
        assert client.get(f"/runs/{complete}/tasks/{task['id']}").json() == task
        assert task["exit_code"] == 0
        assert task["start_time"] <= task["end_time"]
        assert "counting lines" in client.get(task["stderr"]).text

    def test_is_listed_a_page_at_a_time(self, client: httpx.Client, complete: str) -> None:
        second = start(client)
        page = client.get("/runs", params={"page_size": 1}).json()
        assert [run["run_id"] for run in page["runs"]] == [second]
        page = client.get("/runs", params={"page_size": 1, "page_token": page["next_page_token"]}).json()
        assert [(run["run_id"], run["state"]) for run in page["runs"]] == [(complete, "COMPLETE")]
        assert page["next_page_token"] == ""
        assert wait_for(client, second, *ENDED) == "COMPLETE"

    def test_is_counted(self, client: httpx.Client, complete: str) -> None:
        info = client.get("/service-info").json()
        assert info["system_state_counts"]["COMPLETE"] >= 1, complete
        assert info["workflow_type_versions"] == {"WDL": {"workflow_type_version": ["draft-2", "1.0", "1.1"]}}
        assert list(info["workflow_engine_versions"]) == ["miniwdl"]


def test_a_run_whose_task_fails_says_so(client: httpx.Client) -> None:
    run_id = start(client, **{"count.fail": True})
    assert wait_for(client, run_id, *ENDED) == "EXECUTOR_ERROR"
    log = client.get(f"/runs/{run_id}").json()
    assert log["run_log"]["exit_code"] != 0
    assert log["outputs"] == {}
    [task] = client.get(f"/runs/{run_id}/tasks").json()["task_logs"]
    assert task["exit_code"] == 3
    assert "this is why" in client.get(task["stderr"]).text


def test_a_run_that_is_cancelled_ends_with_its_tasks(client: httpx.Client) -> None:
    run_id = start(client, **{"count.seconds": 600})
    assert wait_for(client, run_id, "RUNNING", *ENDED) == "RUNNING"
    assert client.post(f"/runs/{run_id}/cancel").json() == {"run_id": run_id}
    assert client.get(f"/runs/{run_id}/status").json()["state"] == "CANCELED"
    assert client.post(f"/runs/{run_id}/cancel").json() == {"run_id": run_id}  # once more changes nothing
    for task in client.get(f"/runs/{run_id}/tasks").json()["task_logs"]:
        assert "end_time" in task


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        "path", ["/runs/nothing", "/runs/nothing/status", "/runs/nothing/tasks", "/runs/main", "/nothing"]
    )
    def test_what_is_not_there(self, client: httpx.Client, complete: str, path: str) -> None:
        answer = client.get(path)
        assert answer.status_code == 404, complete
        assert answer.json()["status_code"] == 404

    def test_a_beginning_of_an_id(self, client: httpx.Client, complete: str) -> None:
        assert client.get(f"/runs/{complete[:-1]}").status_code == 404

    @pytest.mark.parametrize("value", ["/etc/hostname", "file:///etc/hostname", "../../etc/hostname"])
    def test_a_file_of_the_server_as_an_input(self, client: httpx.Client, value: str) -> None:
        fields = {
            "workflow_type": "WDL",
            "workflow_type_version": "1.0",
            "workflow_url": "main.wdl",
            "workflow_params": json.dumps({"count.data": value}),
        }
        answer = client.post("/runs", data=fields, files=ATTACHMENTS)
        if answer.status_code == 200:  # it was handed on as it is, and nothing was read
            run_id = answer.json()["run_id"]
            assert client.get(f"/runs/{run_id}").json()["request"]["workflow_params"] == {"count.data": value}
            client.post(f"/runs/{run_id}/cancel")
        else:
            assert answer.status_code == 400

    def test_a_workflow_that_is_wrong_by_its_line(self, client: httpx.Client) -> None:
        fields = {"workflow_type": "WDL", "workflow_type_version": "1.0", "workflow_url": "main.wdl"}
        answer = client.post("/runs", data=fields, files=[("workflow_attachment", ("main.wdl", "version 1.0\nwork"))])
        assert answer.status_code == 400
        assert answer.json()["msg"].startswith("main.wdl:2:")


def specification() -> dict[str, Any]:
    """The published document, with the one schema in it that is of another repository."""
    found: dict[str, Any] = yaml.safe_load(SPECIFICATION.read_text())
    service = yaml.safe_load((SPECIFICATION.parent / "service-info.yaml").read_text())["components"]["schemas"]
    found["components"]["schemas"] |= service
    found["components"]["schemas"]["ServiceInfo"]["allOf"][0] = {"$ref": "#/components/schemas/Service"}
    found["servers"] = [{"url": BASE}]
    # It has parameters of the same form as ListRuns, and names no answer to wrong ones.
    tasks, runs = (found["paths"][path]["get"]["responses"] for path in ("/runs/{run_id}/tasks", "/runs"))
    tasks[400] = runs[400]
    return found


schema = schemathesis.openapi.from_dict(specification())


@pytest.fixture(scope="module")
def running(address: str, complete: str) -> str:
    assert complete, "there is a run to be listed"
    return address


@schema.parametrize()
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_as_the_published_schema_says(case: schemathesis.Case, running: str) -> None:
    answer = case.call(base_url=f"{running}{BASE}", headers={"Authorization": f"Bearer {TOKEN}"})
    case.validate_response(
        answer,
        checks=[not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance],
    )


class TestThePublishedClient:
    @pytest.fixture
    def wes_client(self, address: str, tmp_path: Path) -> Any:
        program = shutil.which("wes-client")
        if program is None:
            pytest.skip("wes-client is not installed")
        host = address.removeprefix("http://")

        def run(*arguments: str) -> str:
            # It sends no header with what starts a run, but the name and password of the address.
            environment = {
                **os.environ,
                "WES_API_PROTO": "http",
                "WES_API_HOST": f"wes:{TOKEN}@{host}",
                "WES_API_AUTH": f"Bearer {TOKEN}",
            }
            done = subprocess.run(
                [program, *arguments], capture_output=True, text=True, env=environment, cwd=tmp_path, check=False
            )
            assert done.returncode == 0, done.stderr
            return done.stdout

        return run

    def test_runs_a_workflow_to_its_end(self, wes_client: Any, tmp_path: Path) -> None:
        for _, (name, text) in ATTACHMENTS:
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text)
        (tmp_path / "inputs.json").write_text(json.dumps({"count.data": "data/three.txt"}))
        outputs = wes_client("--attachments=tasks/lines.wdl,data/three.txt", "main.wdl", "inputs.json")
        assert json.loads(outputs) == {"count.found": 3}
        [run, *_] = json.loads(wes_client("--list"))["runs"]
        assert json.loads(wes_client(f"--get={run['run_id']}"))["state"] == "COMPLETE"
        assert wes_client(f"--log={run['run_id']}")
        assert json.loads(wes_client("--info"))["supported_wes_versions"] == ["1.0.0", "1.1.0"]
