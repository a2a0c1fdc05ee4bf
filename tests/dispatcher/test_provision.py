"""The calls that provision storage for one run: what they answer, refuse and write down."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from workflow_context.scripts.provision_storage import RefusedError, handler, provision, user_of

ALICE = "arn:aws:sts::123456789012:assumed-role/Lab/alice"
BOB = "arn:aws:sts::123456789012:assumed-role/Lab/bob"
NOW = 1_800_000_000.0


class Api:
    """The handler, with S3 and EFS of moto behind it."""

    def __init__(self, kind: str) -> None:
        self.s3, self.efs = boto3.client("s3"), boto3.client("efs")
        self.s3.create_bucket(Bucket="lab")
        file_system = self.efs.create_file_system(CreationToken="one")["FileSystemId"]
        self.settings = {
            "KIND": kind,
            "CONTEXT": "Lab-one",
            "BUCKET": "lab",
            "PREFIX": "contexts/one-storage/",
            "SIZE_TB": "3",
            "FILE_SYSTEM": file_system,
        }

    def post(self, body: Any = None, *, kind: str = "", owner: str = ALICE, **headers: str) -> str:
        return provision(event(body, kind or self.settings["KIND"], owner, headers), *self.clients, self.settings, NOW)

    @property
    def clients(self) -> tuple[Any, Any]:
        return self.s3, self.efs

    def records(self) -> dict[str, dict[str, Any]]:
        found = self.s3.list_objects_v2(Bucket="lab").get("Contents", [])
        return {
            (record := json.load(self.s3.get_object(Bucket="lab", Key=one["Key"])["Body"]))["name"]: record
            for one in found
        }

    def access_points(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.efs.describe_access_points()["AccessPoints"]
        return found


def event(body: Any, kind: str, owner: str, headers: Mapping[str, str]) -> dict[str, Any]:
    return {
        "version": "2.0",
        "rawPath": f"/provision-storage-{kind}",
        "headers": {name.replace("_", "-"): value for name, value in headers.items()},
        "requestContext": {"authorizer": {"iam": {"userArn": owner}}},
        "body": body if isinstance(body, str) else json.dumps({"version": 2} if body is None else body),
        "isBase64Encoded": False,
    }


@pytest.fixture
def efs(aws: None) -> Api:  # noqa: ARG001
    return Api("efs")


@pytest.fixture
def ofs(aws: None) -> Api:  # noqa: ARG001
    return Api("ofs")


class TestEfs:
    def test_storage_is_a_directory_with_an_access_point_and_a_user_of_its_own(self, efs: Api) -> None:
        name, other = efs.post(), efs.post()
        points = {one["ClientToken"]: one for one in efs.access_points()}
        assert set(points) == {name, other}
        user = user_of(name)
        assert points[name]["RootDirectory"] == {
            "Path": f"/storage/{name}",
            "CreationInfo": {"OwnerUid": user, "OwnerGid": user, "Permissions": "0700"},
        }
        assert points[name]["PosixUser"]["Uid"] == user != points[other]["PosixUser"]["Uid"]
        assert user > 65535

    def test_tags_and_record_say_whose_it_is_and_when_it_expires(self, efs: Api) -> None:
        name = efs.post({"version": 2, "storage_expiration_hours": 100})
        [point] = efs.access_points()
        assert {tag["Key"]: tag["Value"] for tag in point["Tags"]} == {
            "Name": name,
            "workflow-context": "Lab-one",
            "workflow-context:storage": name,
            "workflow-context:owner": ALICE,
            "workflow-context:expiration-hours": "100",
        }
        record = efs.records()[name]
        assert record["accessPointId"] == point["AccessPointId"]
        assert (record["owner"], record["hours"], record["createdAt"]) == (ALICE, 100, NOW)
        assert record["state"] == "ready"

    def test_expires_at_the_end_of_the_run_by_default(self, efs: Api) -> None:
        name = efs.post({})
        assert efs.records()[name]["hours"] == 0

    def test_a_full_file_system_is_said_to_be_full_and_nothing_is_left(
        self, efs: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(**_: Any) -> None:
            raise ClientError({"Error": {"Code": "AccessPointLimitExceeded"}}, "CreateAccessPoint")

        monkeypatch.setattr(efs.efs, "create_access_point", refuse)
        with pytest.raises(RefusedError, match="as many access points as Amazon EFS allows") as refused:
            efs.post()
        assert refused.value.status == 429
        assert not efs.records()


class TestObjectiveFs:
    def test_storage_is_kept_for_thirty_days_and_as_large_as_the_context_says_by_default(self, ofs: Api) -> None:
        name = ofs.post()
        record = ofs.records()[name]
        assert (record["hours"], record["sizeTb"]) == (720, 3)
        assert not ofs.access_points()

    def test_the_size_is_written_down(self, ofs: Api) -> None:
        name = ofs.post({"version": 2, "fs_size_tb": 10})
        assert ofs.records()[name]["sizeTb"] == 10


BAD = [
    ({"version": 1}, "version must be 2, got 1"),
    ({"version": "2"}, "version must be 2"),
    ({"version": True}, "version must be 2"),
    ({"storage_expiration_hours": -1}, "whole number of 0 to 8760"),
    ({"storage_expiration_hours": 8761}, "whole number of 0 to 8760"),
    ({"storage_expiration_hours": 1.5}, "whole number of 0 to 8760"),
    ({"storage_expiration_hours": None}, "whole number of 0 to 8760"),
    ({"storage_expiration_hours": True}, "whole number of 0 to 8760"),
    ({"fs_size_tb": 50.1}, "fs_size_tb must be 0 to 50, got 50.1"),
    ({"fs_size_tb": -1}, "fs_size_tb must be 0 to 50"),
    ({"fs_size_tb": "10"}, "fs_size_tb must be 0 to 50"),
    ('{"fs_size_tb": NaN}', "fs_size_tb must be 0 to 50"),
    ({"expiration_hours": 1}, "unknown: expiration_hours; allowed are version, storage_expiration_hours, fs_size_tb"),
    ([], "must be a JSON object"),
    ("{", "the body is no JSON"),
    ('{"version": 2' + " " * 5000 + "}", "at most 4096 bytes"),
]


@pytest.mark.parametrize(("body", "reason"), BAD, ids=[reason for _, reason in BAD])
def test_a_bad_request_is_refused_with_the_reason_and_nothing_is_made(ofs: Api, body: Any, reason: str) -> None:
    with pytest.raises(RefusedError) as refused:
        ofs.post(body)
    assert refused.value.status == 400
    assert reason in str(refused.value)
    assert not ofs.records()


def test_the_size_is_for_objectivefs_only(efs: Api) -> None:
    with pytest.raises(RefusedError, match="fs_size_tb is for ObjectiveFS only"):
        efs.post({"version": 2, "fs_size_tb": 1})


def test_the_other_kind_is_refused_with_the_call_that_works(efs: Api) -> None:
    with pytest.raises(RefusedError, match="call /provision-storage-efs"):
        efs.post(kind="ofs")


class TestARequestThatIsSentAgain:
    def test_makes_new_storage_when_it_has_no_key(self, efs: Api) -> None:
        assert efs.post() != efs.post()

    def test_with_the_same_key_gets_the_same_storage(self, efs: Api) -> None:
        assert efs.post(idempotency_key="run-7") == efs.post(idempotency_key="run-7")
        assert len(efs.access_points()) == len(efs.records()) == 1

    def test_of_another_caller_gets_storage_of_its_own(self, efs: Api) -> None:
        assert efs.post(idempotency_key="run-7") != efs.post(idempotency_key="run-7", owner=BOB)

    def test_with_another_content_is_a_conflict(self, efs: Api) -> None:
        efs.post({"storage_expiration_hours": 1}, idempotency_key="run-7")
        with pytest.raises(RefusedError, match="was used for another request") as refused:
            efs.post({"storage_expiration_hours": 2}, idempotency_key="run-7")
        assert refused.value.status == 409

    def test_while_the_storage_is_being_deleted_is_a_conflict(self, efs: Api) -> None:
        name = efs.post(idempotency_key="run-7")
        record = {**efs.records()[name], "state": "deleting"}
        efs.s3.put_object(Bucket="lab", Key=f"contexts/one-storage/{name}.json", Body=json.dumps(record))
        with pytest.raises(RefusedError, match="is being deleted") as refused:
            efs.post(idempotency_key="run-7")
        assert refused.value.status == 409

    @pytest.mark.parametrize("key", ["a b", "x" * 129, "ä"])
    def test_has_a_key_of_plain_letters(self, efs: Api, key: str) -> None:
        with pytest.raises(RefusedError, match="Idempotency-Key must be"):
            efs.post(idempotency_key=key)

    @pytest.mark.parametrize("stopped", ["put_object", "create_access_point", "second put_object"])
    def test_completes_what_was_interrupted_anywhere(
        self, efs: Api, monkeypatch: pytest.MonkeyPatch, stopped: str
    ) -> None:
        client = efs.efs if "access" in stopped else efs.s3
        operation = stopped.rpartition(" ")[2]
        real, calls = getattr(client, operation), iter(range(10))

        def stop(**request: Any) -> Any:
            if next(calls) == (1 if "second" in stopped else 0):
                raise TimeoutError
            return real(**request)

        with monkeypatch.context() as patched:
            patched.setattr(client, operation, stop)
            with pytest.raises(TimeoutError):
                efs.post(idempotency_key="run-7")
        already = efs.access_points()
        if already:  # as EFS refuses it
            response = {"Error": {"Code": "AccessPointAlreadyExists"}, "AccessPointId": already[0]["AccessPointId"]}

            def refuse(**_: Any) -> None:
                raise ClientError(response, "CreateAccessPoint")  # type: ignore[arg-type]

            monkeypatch.setattr(efs.efs, "create_access_point", refuse)
        name = efs.post(idempotency_key="run-7")
        [point] = efs.access_points()
        assert efs.records()[name]["state"] == "ready"
        assert efs.records()[name]["accessPointId"] == point["AccessPointId"]


def test_the_handler_answers_as_an_http_api_expects(efs: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in efs.settings.items():
        monkeypatch.setenv(name, value)
    good = handler(event({"version": 2}, "efs", ALICE, {}), None)
    assert good["statusCode"] == 200
    assert list(json.loads(good["body"])) == ["name"]
    encoded = {**event(None, "efs", ALICE, {}), "body": base64.b64encode(b'{"version": 2}').decode()}
    assert handler({**encoded, "isBase64Encoded": True}, None)["statusCode"] == 200
    bad = handler(event({"version": 3}, "efs", ALICE, {}), None)
    assert bad["statusCode"] == 400
    assert json.loads(bad["body"]) == {"message": "version must be 2, got 3"}
