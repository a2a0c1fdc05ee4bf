"""Credentials of jobs expire, are given anew before, and are nobody else's."""

import pytest

from workflow_stacks.local.iam.credentials import Credentials, UnknownKeyError
from workflow_stacks.local.iam.principals import Principal

ONE = Principal("arn:aws:iam::1:role/One", "task-1", "job-1")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def credentials(clock) -> Credentials:
    return Credentials(("AKIA", "secret"), lifetime=3600, clock=clock)


def test_credentials_stay_the_same_until_shortly_before_they_expire(credentials, clock):
    grant = credentials.grant(ONE)
    first = credentials.current(grant)
    clock.now += 1800
    assert credentials.current(grant) == first
    clock.now += 1000

    second = credentials.current(grant)

    assert second.access_key != first.access_key
    assert second.expires > first.expires
    # Whoever still has the old ones may use them until they expire.
    assert credentials.principal(first.access_key, first.token) == ONE


def test_expired_credentials_are_refused_as_expired(credentials, clock):
    keys = credentials.current(credentials.grant(ONE))
    clock.now += 3600

    with pytest.raises(UnknownKeyError) as error:
        credentials.principal(keys.access_key, keys.token)

    assert error.value.expired


def test_a_key_without_its_session_token_is_nobodys(credentials):
    keys = credentials.current(credentials.grant(ONE))

    with pytest.raises(UnknownKeyError) as error:
        credentials.principal(keys.access_key, "another")

    assert not error.value.expired


def test_a_token_of_imdsv2_is_good_for_its_time_and_its_machine(credentials, clock):
    grant, other = credentials.grant(ONE), credentials.grant(ONE)
    token = credentials.new_token(grant, 60)

    assert credentials.has_token(grant, token)
    assert not credentials.has_token(other, token)
    clock.now += 61
    assert not credentials.has_token(grant, token)
