"""The server process of the local cloud: `python -m workflow_stacks.local.cloud.server`, as `process.py` starts it.

It serves the listening socket it is given, so it listens nowhere else, and it inherits a lock that lives as long as it
does. One more address than AWS has, `/_local`, says whose server it is.
"""

import asyncio
import json
import logging
import os
import resource
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

from hypercorn.asyncio import serve
from hypercorn.config import Config

from .gate import LocalOnly
from .requests import only_reads
from .state_files import DamagedStateError, check_files, in_a_copy

SAVE_EVERY_SECONDS = 2.0
SETTLE_SECONDS = 20.0
# Enough of a request to hear its action.
MAX_HEARD = 64 * 1024
MAX_FILES = 65536

LOG = logging.getLogger("local-cloud")


class Server:
    """Serves the services of AWS, and saves what changes.

    Args:
        state: The state folder.
    """

    def __init__(self, state: Path) -> None:
        from .ministack import app, batch, stacks, state as kept

        self.app = app.APP
        self.end_jobs, self.deploying, self.save = batch.end_jobs, stacks.deploying, kept.save
        self.state = state
        self.changed = False
        batch.JOBS.scheduler.changed = self._set_changed

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        if scope.get("path") == "/_local":
            body = json.dumps({"pid": os.getpid(), "state": str(self.state)}).encode()
            headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": body})
            return
        heard = bytearray()

        async def hearing() -> Any:
            event = await receive()
            if len(heard) < MAX_HEARD:
                heard.extend(event.get("body", b"")[:MAX_HEARD])
            return event

        await self.app(scope, hearing, send)
        if scope["type"] == "http":
            query = scope.get("query_string", b"").decode("latin-1")
            given = {name.lower(): value for name, value in scope["headers"]}
            self.changed |= not only_reads(scope["method"], scope["path"], query, given, bytes(heard))

    async def run(self, descriptor: int) -> None:
        """Serve a listening socket until SIGTERM; then let a deployment end, so that no half of it is saved."""
        config = Config()
        config.bind = [f"fd://{descriptor}"]
        config.keep_alive_timeout = 3600  # one that is closed as a client asks again is an error there
        stop = asyncio.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(name, stop.set)

        async def stopped() -> None:
            await stop.wait()
            deadline = asyncio.get_running_loop().time() + SETTLE_SECONDS
            while self.deploying() and asyncio.get_running_loop().time() < deadline:
                await asyncio.sleep(0.05)
            self.end_jobs()

        saving = asyncio.create_task(self._save())
        port = int(os.environ["LOCAL_CLOUD_PORT"])
        gate: Any = LocalOnly(self, port)
        await serve(gate, config, shutdown_trigger=stopped)
        saving.cancel()

    def _set_changed(self) -> None:
        self.changed = True

    async def _save(self) -> None:
        """Save every few seconds, so that a killed server forgets little."""
        while True:
            await asyncio.sleep(SAVE_EVERY_SECONDS)
            if self.changed and not self.deploying():
                self.changed = False
                saving = in_a_copy(self.save)
                _, status = await asyncio.to_thread(os.waitpid, saving, 0)
                if status:
                    self.changed = True
                    LOG.error("The state could not be saved (status %s); it is tried again", status)


def _allow_many_connections() -> None:
    """Every client keeps its connections for a while, and each is a file to the kernel."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_FILES if most == resource.RLIM_INFINITY else min(most, MAX_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def forget_scratch(state: Path) -> None:
    """Delete the private directories of jobs that a former server did not bring to their end."""
    for folder in (state / "scratch").glob("*"):
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """Leave the command that started this process, and serve."""
    state, port = Path(os.environ["LOCAL_CLOUD_STATE"]), int(os.environ["LOCAL_CLOUD_PORT"])
    if pid := os.fork():
        (state / "server.lock").write_text(str(pid))
        os._exit(0)  # the server is nobody's child: it outlives the command
    _allow_many_connections()
    try:
        check_files(state / "aws")
    except DamagedStateError as error:
        sys.exit(str(error))
    forget_scratch(state)
    (state / "server.json").write_text(json.dumps({"pid": os.getpid(), "port": port}))
    asyncio.run(Server(state).run(int(os.environ["LOCAL_CLOUD_SOCKET"])))


if __name__ == "__main__":
    main()
