"""Runs a command as a client of NFS whose server decides who it is: `python nfs_owner.py UID GID MOUNT… -- COMMAND…`.

Every access through an access point of EFS is by one user, whoever asks. So nobody but root can give files away, and
what asks to be given is refused with EPERM, also to root of a container. No mapping of users in the kernel does that:
here each `chown` of the command waits for an answer of this process, which gives it for files below the mounts and
lets the kernel answer for all others. Linux on x86-64 and arm64; https://man7.org/linux/man-pages/man2/seccomp.2.html.

It runs inside of a sandbox, by itself: it imports nothing but the standard library.
"""

# pathlib would take as long to import as all the rest, before every job.
# ruff: noqa: PTH115, PTH118, PTH123

import ctypes
import errno
import fcntl
import os
import platform
import signal
import socket
import struct
import sys
import threading
from collections.abc import Sequence

# Architecture, number of seccomp(2), and the calls that change owners: number to how they name the file.
_MACHINES = {
    "x86_64": (0xC000003E, 317, {92: "path", 94: "link", 93: "descriptor", 260: "at"}),
    "aarch64": (0xC00000B7, 277, {55: "descriptor", 54: "at"}),
}
_RETURN_ALLOW, _RETURN_NOTIFY = 0x7FFF0000, 0x7FC00000
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
_SET_FILTER, _NEW_LISTENER, _NO_NEW_PRIVILEGES = 1, 1 << 3, 38
_RECEIVE, _SEND = 0xC0502100, 0xC0182101
_CONTINUE = 1
_AT_FDCWD, _NO_FOLLOW, _EMPTY_PATH = -100, 0x100, 0x1000
_UNCHANGED = 0xFFFFFFFF
_PATH_MAX = 4096
_SIGNALS = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
_LOOK_SECONDS = 1.0


def may_give(uid: int, gid: int, user: tuple[int, int]) -> bool:
    """Whether the file server lets a user make `uid` and `gid` the owner; root may do everything."""
    return user[0] == 0 or (uid in (_UNCHANGED, user[0]) and gid in (_UNCHANGED, user[1]))


def main(arguments: Sequence[str]) -> int:
    """Run the command; its exit code is ours."""
    split = arguments.index("--")
    user = int(arguments[0]), int(arguments[1])
    mounts, command = arguments[2:split], arguments[split + 1 :]
    here, there = socket.socketpair()
    # Taken one by one below: a handler would run late, or never, while the main thread waits.
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    child = os.fork()
    if child == 0:
        here.close()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        try:
            listener = _listen()
        except OSError as error:
            os.write(2, f"owners of files cannot be watched here: {error}\n".encode())
            os._exit(126)
        socket.send_fds(there, [b"x"], [listener])
        os.close(listener)
        there.close()
        _execute(command)
    there.close()
    _, descriptors, _, _ = socket.recv_fds(here, 1, 1)
    if descriptors:
        threading.Thread(target=_answer_all, args=(descriptors[0], mounts, user), daemon=True).start()
    while (code := _ended(child)) is None:
        told = signal.sigtimedwait(_SIGNALS, _LOOK_SECONDS)
        # After a stop and a continuation, Python returns a signal that nobody sent.
        if told is not None and told.si_signo in _SIGNALS and told.si_signo != signal.SIGCHLD:
            os.kill(child, told.si_signo)
    return code if code >= 0 else 128 - code


def _ended(child: int) -> int | None:
    """The exit code of the command; None while it runs. What it left behind and is ours now is buried."""
    while True:
        ended, status = os.waitpid(-1, os.WNOHANG)
        if ended == 0:
            return None
        if ended == child:
            return os.waitstatus_to_exitcode(status)


def _execute(command: Sequence[str]) -> None:
    try:
        os.execvp(command[0], list(command))  # noqa: S606  (the command of the job)
    except OSError as error:
        os.write(2, f"{command[0]}: {error.strerror}\n".encode())
        os._exit(127 if isinstance(error, FileNotFoundError) else 126)


def _listen() -> int:
    """Have the kernel ask about owners, and return the descriptor where it asks."""
    architecture, seccomp, calls = _MACHINES[platform.machine()]
    program = [(_LOAD, 0, 0, 4), (_EQUAL, 0, len(calls) + 1, architecture), (_LOAD, 0, 0, 0)]
    program += [(_EQUAL, len(calls) - index, 0, number) for index, number in enumerate(calls)]
    program += [(_RETURN, 0, 0, _RETURN_ALLOW), (_RETURN, 0, 0, _RETURN_NOTIFY)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in program))
    whole = struct.pack("HxxxxxxP", len(program), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    listener: int = libc.syscall(seccomp, _SET_FILTER, _NEW_LISTENER, ctypes.create_string_buffer(whole))
    if listener < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return listener


def _answer_all(listener: int, mounts: Sequence[str], user: tuple[int, int]) -> None:
    while True:
        question = bytearray(80)
        try:
            fcntl.ioctl(listener, _RECEIVE, question)
        except InterruptedError:
            continue
        except OSError:  # who asked is gone
            if _is_over(listener):
                return
            continue
        id_, pid, _, number, _, _, *values = struct.unpack("QIIiIQ6Q", question)
        answer = struct.pack("QqiI", id_, 0, *_answer(pid, number, values, mounts, user))
        try:
            fcntl.ioctl(listener, _SEND, bytearray(answer))
        except OSError:  # it was ended meanwhile
            continue


def _is_over(listener: int) -> bool:
    import select

    poll = select.poll()
    poll.register(listener, select.POLLIN | select.POLLHUP)
    return any(event & select.POLLHUP for _, event in poll.poll(0))


def _answer(
    pid: int, number: int, values: Sequence[int], mounts: Sequence[str], user: tuple[int, int]
) -> tuple[int, int]:
    """Error and flags of the answer: the server's for files below the mounts, else the kernel's."""
    kind = _MACHINES[platform.machine()][2][number]
    uid, gid = (one & _UNCHANGED for one in (values[2:4] if kind == "at" else values[1:3]))
    try:
        place = _place(pid, kind, values)
    except OSError:
        return 0, _CONTINUE
    if not any(place == mount or place.startswith(f"{mount}/") for mount in mounts):
        return 0, _CONTINUE
    return (0 if may_give(uid, gid, user) else -errno.EPERM), 0


def _place(pid: int, kind: str, values: Sequence[int]) -> str:
    """The file whose owner shall change."""
    if kind == "descriptor":
        return os.readlink(f"/proc/{pid}/fd/{values[0] & _UNCHANGED}")
    directory = ctypes.c_int(values[0] & _UNCHANGED).value if kind == "at" else _AT_FDCWD
    name = _text(pid, values[1] if kind == "at" else values[0])
    flags = values[4] if kind == "at" else 0
    base = os.readlink(f"/proc/{pid}/cwd" if directory == _AT_FDCWD else f"/proc/{pid}/fd/{directory}")
    if not name and flags & _EMPTY_PATH:
        return base
    whole = os.path.join(base, name)
    if kind == "link" or flags & _NO_FOLLOW:
        folder, _, last = whole.rstrip("/").rpartition("/")
        return f"{os.path.realpath(folder or '/').rstrip('/')}/{last}"
    return os.path.realpath(whole)


def _text(pid: int, address: int) -> str:
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        memory.seek(address)
        # Not beyond the page, which may be the last one.
        found = memory.read(_PATH_MAX - address % _PATH_MAX)
        if b"\0" not in found:
            found += memory.read(_PATH_MAX)
    return os.fsdecode(found.partition(b"\0")[0])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
