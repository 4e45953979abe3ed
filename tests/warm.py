"""Processes of `billing` that start warm: forked from one that has imported the program already.

Starting an interpreter and importing the program costs more than most commands do. So one process per test worker
imports it once and forks for each command: a process of its own, a child of the test, with its own arguments, folder,
environment and streams, that can be signalled, killed and waited for, and ends as an interpreter ends. What it does not
show is a cold start. For that `subprocess.Popen` is there; it also serves where a system lets nobody adopt orphans, and
for an environment that an interpreter or a library reads as it starts.
"""

import ctypes
import functools
import gc
import importlib
import json
import os
import pkgutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping
from typing import Any

LAZY = ("aiohttp.resolver", "stripe.params", "uvloop")
# What the program's libraries would import while a command is carried out.
READ_WHILE_RUNNING = ("BILLING_", "HOME", "STRIPE_", "TMPDIR", "XDG_")
# Beginnings of names that nothing reads as it is imported.
ADOPTS_ORPHANS = 36
# PR_SET_CHILD_SUBREAPER of prctl(2), Linux.
MOST_BYTES = 1 << 20


class WarmPopen(subprocess.Popen):
    """A `subprocess.Popen` whose process is ``billing ARGS``, forked instead of started; all else is as ever.

    Which process is started has no public place in `subprocess.Popen`; `_execute_child` is where it does it.
    """

    def _execute_child(self, args, _executable, _preexec, _close, _pass, cwd, env, *rest) -> None:
        pipes = rest[3:9]  # child's and parent's end of stdin, of stdout (parent's first), and of stderr
        streams = [own if own >= 0 else shared for shared, own in enumerate((pipes[0], pipes[3], pipes[5]))]
        self.pid = _forge().fork(args, str(cwd), env, streams)
        self._child_created = True
        self._close_pipe_fds(*pipes)


def billing_process(args: Iterable[str], env: Mapping[str, str], base: Mapping[str, str], **how: Any) -> Any:
    """Start ``billing ARGS``: warm, where what differs from ``base`` is read while it runs; ``how`` as for `Popen`."""
    differs = {name for name in {*env, *base} if env.get(name) != base.get(name)}
    if sys.platform == "linux" and all(name.startswith(READ_WHILE_RUNNING) for name in differs):
        return WarmPopen(list(args), env=dict(env), **how)
    return subprocess.Popen([sys.executable, "-m", "billing.cli.main", *args], env=env, **how)


class _Forge:
    """The process that forks, as its parent sees it."""

    def __init__(self) -> None:
        from tests.conftest import clean_environment

        if ctypes.CDLL(None, use_errno=True).prctl(ADOPTS_ORPHANS, 1, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "this process cannot adopt orphans")
        self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._lock = threading.Lock()
        command = [sys.executable, "-m", "tests.warm", str(theirs.fileno())]
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
        self._process = subprocess.Popen(command, env=clean_environment(), pass_fds=[theirs.fileno()], **streams)
        theirs.close()

    def fork(self, args: Iterable[str], cwd: str, env: Mapping[str, str], streams: Iterable[int]) -> int:
        """Have a process made and return its id; it is a child of this process when it is known."""
        order = json.dumps([list(args), cwd, dict(env)]).encode()
        with self._lock:
            socket.send_fds(self._line, [order], list(streams))
            return int(self._line.recv(32))


@functools.cache
def _forge() -> _Forge:
    return _Forge()


def _load() -> None:
    """Import the whole program, so that no child of this process has to."""
    package = importlib.import_module("billing")
    for module in pkgutil.walk_packages(package.__path__, "billing."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in LAZY:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()


def _serve(line: socket.socket) -> list[str] | None:
    """Fork for each order; returns in a child, with its arguments, and with None when nobody is left who orders."""
    while True:
        order, streams, _, _ = socket.recv_fds(line, MOST_BYTES, 3)
        if not order:
            return None
        args, cwd, env = json.loads(order)
        known, told = os.pipe()
        if between := os.fork():
            os.close(told)
            pid = os.read(known, 32)
            os.waitpid(between, 0)  # from here on its child is an orphan, and adopted
            line.send(pid)
            for each in (known, *streams):
                os.close(each)
        elif child := os.fork():
            os.write(told, str(child).encode())
            os._exit(0)
        else:
            _become(cwd, env, streams, (known, told, line.detach()))
            return args


def _become(cwd: str, env: dict[str, str], streams: list[int], leave: Iterable[int]) -> None:
    """Take on folder, environment and streams, which the program wraps itself; nothing else stays open."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    for each in {*streams, *leave} - {0, 1, 2}:
        os.close(each)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)


if __name__ == "__main__":
    _load()
    arguments = _serve(socket.socket(fileno=int(sys.argv[1])))
    if arguments is not None:
        from billing.cli.main import main

        sys.argv = ["billing", *arguments]
        main()
