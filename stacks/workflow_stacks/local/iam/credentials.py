"""Credentials of jobs, given as ECS and EC2 give them, and those of the administrator.

A job fetches the credentials of its role from an address of its own; they expire, and it fetches new ones. A job
without a role takes those of its machine, by IMDSv2.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html
"""

import json
import os
import secrets
import string
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from .principals import Principal

LIFETIME_SECONDS = 6 * 3600.0
# ECS gives new credentials before the old ones expire, so that whoever asks has some time left.
REFRESH_SECONDS = 15 * 60.0
MAX_TOKEN_SECONDS = 21600
ADMINISTRATOR_FILE = "administrator.json"

_LETTERS = string.ascii_uppercase + "234567"


class UnknownKeyError(Exception):
    """Nobody has this access key; or it expired."""

    def __init__(self, *, expired: bool = False) -> None:
        super().__init__("expired" if expired else "unknown")
        self.expired = expired


@dataclass(frozen=True)
class Keys:
    """Temporary credentials.

    Attributes:
        access_key: The access key id.
        secret: The secret access key.
        token: The session token.
        expires: When they expire, in seconds since 1970.
    """

    access_key: str
    secret: str
    token: str
    expires: float


@dataclass
class Grant:
    """What a job, or the machine below it, has credentials for.

    Attributes:
        principal: Who its programs are.
        id: The secret part of the address that gives the credentials.
        token: What a request to that address must carry.
        keys: The credentials it was given last.
        tokens: Tokens of IMDSv2 with the time they expire.
    """

    principal: Principal
    id: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    keys: Keys | None = None
    tokens: dict[str, float] = field(default_factory=dict)


class Credentials:
    """Every access key that the local cloud knows.

    Args:
        administrator: The access key id of whoever started it, and the secret that goes with it.
        lifetime: How long temporary credentials last, in seconds.
        clock: Gives the time in seconds since 1970.
    """

    def __init__(
        self,
        administrator: tuple[str, str],
        *,
        lifetime: float = LIFETIME_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.administrator, _ = administrator
        self._lifetime = lifetime
        self._clock = clock
        self._grants: dict[str, Grant] = {}
        self._keys: dict[str, tuple[Keys, Principal]] = {}

    def grant(self, principal: Principal) -> Grant:
        """Give a job credentials, until `revoke`."""
        grant = Grant(principal)
        self._grants[grant.id] = grant
        return grant

    def revoke(self, grant: Grant) -> None:
        """The job ended: its addresses answer no more, and its keys are forgotten."""
        self._grants.pop(grant.id, None)
        for key in [key for key, (_, principal) in self._keys.items() if principal == grant.principal]:
            del self._keys[key]

    def find(self, id_: str) -> Grant | None:
        """The grant of an address."""
        return self._grants.get(id_)

    def current(self, grant: Grant) -> Keys:
        """The credentials of a grant: new ones when the old ones expire soon."""
        now = self._clock()
        if grant.keys is None or grant.keys.expires - now < min(REFRESH_SECONDS, self._lifetime / 2):
            grant.keys = Keys(new_access_key("ASIA"), secrets.token_urlsafe(30), secrets.token_urlsafe(96), now)
            grant.keys = replace(grant.keys, expires=now + self._lifetime)
            self._keys[grant.keys.access_key] = (grant.keys, grant.principal)
        return grant.keys

    def principal(self, access_key: str, token: str) -> Principal:
        """Who has an access key.

        Raises:
            UnknownKeyError: Nobody, or the session token is not the one that goes with it, or it expired.
        """
        known = self._keys.get(access_key)
        if known is None or not secrets.compare_digest(known[0].token, token):
            raise UnknownKeyError
        if known[0].expires <= self._clock():
            raise UnknownKeyError(expired=True)
        return known[1]

    def new_token(self, grant: Grant, seconds: int) -> str:
        """A token of IMDSv2, which asks for one with each request."""
        now = self._clock()
        grant.tokens = {token: expires for token, expires in grant.tokens.items() if expires > now}
        token = secrets.token_urlsafe(42)
        grant.tokens[token] = now + seconds
        return token

    def has_token(self, grant: Grant, token: str) -> bool:
        """Whether a token of IMDSv2 is one of the grant's, and still good."""
        return grant.tokens.get(token, 0.0) > self._clock()


def as_json(keys: Keys) -> dict[str, str]:
    """Credentials as ECS and EC2 write them."""
    return {
        "AccessKeyId": keys.access_key,
        "SecretAccessKey": keys.secret,
        "Token": keys.token,
        "Expiration": datetime.fromtimestamp(keys.expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def new_access_key(beginning: str) -> str:
    """An access key id that nobody guesses."""
    return beginning + "".join(secrets.choice(_LETTERS) for _ in range(28))


def write_administrator(state: Path) -> tuple[str, str]:
    """Make the access key of the administrator, new with each start, and keep it where only its owner can read it."""
    access_key, secret = new_access_key("AKIA"), secrets.token_urlsafe(30)
    file = state / ADMINISTRATOR_FILE
    file.unlink(missing_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        json.dump({"accessKeyId": access_key, "secretAccessKey": secret}, opened)
    return access_key, secret


def read_administrator(state: Path) -> tuple[str, str]:
    """The access key id and the secret access key of the administrator.

    Raises:
        OSError: There is none, or it is another user's.
    """
    found = json.loads((state / ADMINISTRATOR_FILE).read_text())
    return found["accessKeyId"], found["secretAccessKey"]
