"""The state of the services in files."""

import json
import logging

from ministack import app as ministack
from ministack.core import persistence

from workflow_stacks.local.cloud.state_files import write_file

from . import logs
from .handlers import Properties
from .settings import STATE


def install() -> None:
    """Write each file whole or not at all."""
    logging.getLogger("persistence").setLevel(logging.WARNING)
    persistence.save_state = _save


def save() -> None:
    """Write what changed to the state folder."""
    persistence.save_all(ministack._build_persistence_save_dict())


def _save(service: str, data: Properties) -> None:
    whole = {"__ministack_format__": persistence._state_format_version(service), "payload": data}
    write_file(STATE / "aws" / f"{service}.json", json.dumps(whole, default=logs.to_json))
