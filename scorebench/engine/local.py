"""The engine that runs cells on this machine: a warm process for each device, or several on a CPU.

Workers are forked from a server that has torch loaded, so starting one, or another in place of one
that died, takes a moment. Each is the head of a process group of its own: Ctrl-C reaches only the
driver, and ending a worker ends all that it has started. A worker whose driver dies ends at once.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
import types
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Any

import torch

from scorebench.engine.parcel import Parcel, pack
from scorebench.engine.pool import Pool
from scorebench.engine.served import serve
from scorebench.engine.workers import Died, Message, Ready
from scorebench.errors import UserError
from scorebench.running.cell import Cell, Result
from scorebench.running.hardware import usable_cores
from scorebench.running.workbench import Workbench

MOST = 4  # workers on a CPU unless more are asked for: each holds models and reference
PRELOADED = ["torch", "scorebench.engine.served", "scorebench.metrics"]
KEPT = 8192  # bytes of what a worker printed last
LONGEST = 3600.0  # seconds to wait at once; the system takes no more than 24 days
UNKNOWN = 255  # exit code that multiprocessing gives when the server has died
TRIES = 3  # to start a process
DYING = 0.1  # seconds in which a dying server is seen to be dead
REST = 5.0  # seconds in which a dying process's exit code and output come

_context = multiprocessing.get_context("forkserver")


class LocalEngine:
    """Warm worker processes on this machine.

    Args:
        workers: how many; unless given, one for each GPU, or for each core up to four. The cores
            are divided among them.

    Raises:
        UserError: the system refuses to start processes, e.g. for want of space for their socket.
    """

    def __init__(self, workers: int | None = None) -> None:
        self._wanted = workers
        with _apart():  # the server loads torch while the driver plans
            _context.set_forkserver_preload(PRELOADED)
            forkserver.ensure_running()

    def workers(self, bench: Workbench) -> int:
        """One for each device, unless told otherwise."""
        return len(devices(bench.device, self._wanted))

    def device_type(self, bench: Workbench) -> str:
        """That of the driver."""
        return bench.device.type

    def run(
        self, bench: Workbench, cells: Sequence[Cell]
    ) -> Generator[tuple[Cell, Result], None, None]:
        """Run all cells, long ones first."""
        if cells:
            bench.unload()  # workers load their own
            found = devices(bench.device, self._wanted)
            threads = max(1, usable_cores() // len(found))
            workers = LocalWorkers(pack(bench, cells), found, threads)
            yield from Pool(bench, cells, workers).run()

    def close(self) -> None:
        """Workers have ended with the run."""


def devices(device: torch.device, workers: int | None = None) -> list[torch.device]:
    """The device of each of so many workers, or of as many as are usual."""
    if device.type == "cpu":
        return [device] * (workers or min(MOST, usable_cores()))
    found = [device]
    if str(device) == "cuda":  # which of them isn't said
        found = [torch.device("cuda", i) for i in range(torch.cuda.device_count())]
    return [found[i % len(found)] for i in range(workers or len(found))]


class LocalWorker:
    """A process of this machine, the pipe to it, and the end of what it prints."""

    place = "here"

    def __init__(self, parcel: Parcel, device: torch.device, threads: int) -> None:
        self.device, self.ready = device, False
        self.connection, theirs = _context.Pipe()
        output, printed = _context.Pipe(duplex=False)
        self.process = _context.Process(
            target=serve,
            args=(theirs, printed, parcel, str(device), threads, dict(os.environ)),
            daemon=True,
        )
        with theirs, printed:
            self._start()
        self._printed = bytearray()
        self._reader = threading.Thread(target=self._read, args=(output,), daemon=True)
        self._reader.start()

    def _start(self) -> None:
        """Start the process, with another server where the one that was to fork it dies."""
        for left in reversed(range(TRIES)):
            with _apart():
                try:
                    self.process.start()
                except (EOFError, ConnectionError):
                    if not left:
                        raise
                    time.sleep(DYING)
                else:
                    return

    def _read(self, output: Connection) -> None:
        """Take what is printed, however much it is, and keep the end of it."""
        with output, suppress(OSError):
            while block := os.read(output.fileno(), 1 << 16):
                self._printed += block
                del self._printed[:-KEPT]

    def submit(self, cells: Sequence[int]) -> None:
        with suppress(OSError):  # it is dead, which its pipe is about to tell
            self.connection.send(tuple(cells))

    def stop(self) -> None:
        assert self.process.pid is not None
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.kill()  # it may not have become the head of a group yet
        self.process.join(REST)
        self.connection.close()

    def died(self) -> Died:
        """Why it is dead, and what it last printed."""
        self.stop()
        code = self.process.exitcode
        self._reader.join(REST / 5)
        told = bytes(self._printed).decode(errors="replace")
        if code is not None and code < 0:
            name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
            memory = "; the machine may have run out of memory" if -code == signal.SIGKILL else ""
            return Died(f"killed by {name}{memory}", told)
        reason = f"the process ended by itself, with exit code {code}"
        if code == UNKNOWN:
            reason += ", or their server died"
        # To blame nobody in vain costs a few more tries at most.
        return Died(reason, told, blameless=code == UNKNOWN and self.ready)


class LocalWorkers:
    """Processes of this machine, at most one for each device named.

    Args:
        parcel: the run.
        devices: where they compute; a device named twice has two.
        threads: of torch, for each of them.
    """

    def __init__(self, parcel: Parcel, devices: Sequence[torch.device], threads: int) -> None:
        self._parcel, self._devices, self._threads = parcel, list(devices), threads
        self._started: list[LocalWorker] = []

    @property
    def count(self) -> int:
        """One for each device."""
        return len(self._devices)

    @property
    def _running(self) -> list[LocalWorker]:
        return [worker for worker in self._started if not worker.connection.closed]

    def start(self) -> LocalWorker:
        """Start a worker on a free device."""
        self._started = self._running
        free = Counter(self._devices) - Counter(worker.device for worker in self._started)
        self._started.append(LocalWorker(self._parcel, next(iter(free)), self._threads))
        return self._started[-1]

    def leave_out(self, worker: LocalWorker) -> None:
        self._devices.remove(worker.device)

    def wait(self, seconds: float | None) -> Iterator[tuple[LocalWorker, Message]]:
        by_handle: dict[Any, LocalWorker] = {}
        for worker in self._running:
            by_handle[worker.connection] = by_handle[worker.process.sentinel] = worker
        patience = LONGEST if seconds is None else min(seconds, LONGEST)
        heard = {by_handle[handle] for handle in wait(list(by_handle), patience)}
        for worker in heard:
            yield worker, self._receive(worker)

    def _receive(self, worker: LocalWorker) -> Message:
        try:
            if worker.connection.poll():
                message: Message = worker.connection.recv()
                worker.ready = worker.ready or isinstance(message, Ready)
                return message
        except (EOFError, OSError):
            pass
        return worker.died()

    def close(self) -> None:
        for worker in self._running:
            worker.stop()


@contextmanager
def _apart() -> Iterator[None]:
    """Start processes apart from this one.

    Ctrl-C is kept from them, which they would tell of while they load torch. The program that runs
    this is, too: multiprocessing would run it again there.

    Raises:
        UserError: the system refuses, e.g. for want of space for the server's socket.
    """
    try:
        resource_tracker.ensure_running()  # starting it would end the block of signals
        with _shielded():
            yield
    except (OSError, EOFError) as error:
        raise UserError(
            f"workers can't be started: {getattr(error, 'strerror', None) or error}; set TMPDIR to "
            "a folder with space and a short path, or use --engine inline; finished cells are kept"
        ) from error


@contextmanager
def _shielded() -> Iterator[None]:
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        sys.modules["__main__"] = main
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
