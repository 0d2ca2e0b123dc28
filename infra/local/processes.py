"""Background processes that outlive the command which started them, and are stopped by their own pid."""

import fcntl
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from infra.local.errors import LocalError

POLL_SECONDS = 0.1
STOP_SECONDS = 10.0
LOG_TAIL_LINES = 15


@dataclass(frozen=True)
class Process:
    """One background process: its log, and beside it its pid.

    The process keeps its log file locked for as long as it lives. So whether it lives is known for sure, and
    a pid that the system has meanwhile given to somebody else is never taken for ours.
    """

    name: str
    folder: Path

    @property
    def log(self) -> Path:
        """What the process prints."""
        return self.folder / f"{self.name}.log"

    @property
    def pid_file(self) -> Path:
        """Holds the number of the process."""
        return self.folder / f"{self.name}.pid"

    @property
    def running(self) -> bool:
        """Whether the process is alive."""
        if not self.log.exists():
            return False
        with self.log.open() as log:
            return not _lock(log.fileno())

    def start(self, command: Sequence[str], *, environment: Mapping[str, str], cwd: Path) -> None:
        """Start the process apart from this terminal, so that Ctrl-C does not reach it.

        Raises:
            LocalError: it is running already.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("a") as log:
            if not _lock(log.fileno()):
                raise LocalError(f"{self.name} is running already, see {self.log}")
            log.truncate(0)
            process = subprocess.Popen(  # noqa: S603 - the command is ours
                command,
                env=environment,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self.pid_file.write_text(f"{process.pid}\n")

    def wait_until_ready(self, url: str, *, seconds: float) -> None:
        """Return once `url` answers 200.

        Raises:
            LocalError: the process ended, or the seconds passed. Shows the end of its log.
        """
        deadline = time.monotonic() + seconds
        while not _answers(url):
            if not self.running:
                raise LocalError(f"{self.name} stopped while starting:\n{tail(self.log)}")
            if time.monotonic() > deadline:
                raise LocalError(f"{self.name} was not ready after {seconds:.0f} s:\n{tail(self.log)}")
            time.sleep(POLL_SECONDS)

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Ask the process and all that it started to end, and end them if it has not in some seconds."""
        if self.running:
            group = int(self.pid_file.read_text())  # it leads the session it was started in
            os.killpg(group, signal.SIGTERM)
            deadline = time.monotonic() + seconds
            while self.running:
                if time.monotonic() > deadline:
                    os.killpg(group, signal.SIGKILL)
                time.sleep(POLL_SECONDS)
        self.pid_file.unlink(missing_ok=True)


@contextmanager
def alone(folder: Path, name: str) -> Iterator[None]:
    """Be the only command of this name at work on the folder.

    Raises:
        LocalError: there is another.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("w") as lock:
        if not _lock(lock.fileno()):
            raise LocalError(f"Another {name} is at work on {folder}. Let it finish first.")
        yield


@contextmanager
def in_turn(folder: Path, name: str) -> Iterator[None]:
    """Wait until no other command of this name is at work on the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def free_port() -> int:
    """A port of the loopback address that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def tail(log: Path) -> str:
    """The last lines of a log, and where the rest is."""
    lines = log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
    return "\n".join([*(f"  {line}" for line in lines), f"The whole log: {log}"])


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False, timeout=2).is_success
    except httpx.TransportError:
        return False
