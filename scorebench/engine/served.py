"""What runs in a worker process: tasks come in through a pipe, results go out."""

from __future__ import annotations

import faulthandler
import fcntl
import os
import signal
import sys
import threading
from collections.abc import Mapping
from multiprocessing import current_process, parent_process
from multiprocessing.connection import Connection, wait

import torch
from threadpoolctl import threadpool_limits

from scorebench.engine.parcel import Parcel
from scorebench.engine.workers import Began, Done, Ready, Unfit
from scorebench.running.measuring import run_cells
from scorebench.running.workbench import Workbench

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def serve(
    connection: Connection,
    output: Connection,
    parcel: Parcel,
    device: str,
    threads: int,
    variables: Mapping[str, str],
) -> None:
    """Run tasks until there are no more.

    Args:
        connection: takes tasks, each a tuple of cell numbers, and gives messages.
        output: takes what is printed.
        parcel: the run.
        device: where to compute.
        threads: of torch and of what numpy and scipy compute with, on the CPU.
        variables: of the environment.
    """
    os.setsid()
    # Plugins may have processes of their own, which end with this one's group.
    current_process()._config["daemon"] = False  # type: ignore[attr-defined]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _end_with_driver()
    _print_to(output)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # or a crash loses it
    faulthandler.enable()
    os.environ.clear()
    os.environ.update(variables)
    _limit_threads(threads)
    if (told := parcel.difference()) is not None:
        connection.send(Unfit(told))
        return
    suite, cells = parcel.unpack()
    bench = Workbench(suite, torch.device(device), reuse=parcel.reuse)
    if bench.device.type == "cuda":
        torch.cuda.set_device(bench.device)
    process = os.getpid()

    def began() -> None:
        if os.getpid() == process:  # and no child that a plugin has forked
            connection.send(Began())

    connection.send(Ready(bench.environment))
    while True:
        try:
            task = connection.recv()
        except EOFError:
            return
        _print_to(output)  # where the last task may have closed that
        results = run_cells(bench, [cells[i] for i in task], began=began)
        connection.send(Done(results, resident_memory()))


def _limit_threads(threads: int) -> None:
    """Have every library take so many threads: with more, workers would wait for each other."""
    for name in THREADS:  # of libraries that are loaded later
        os.environ[name] = str(threads)
    threadpool_limits(threads)
    torch.set_num_threads(threads)


def _print_to(output: Connection) -> None:
    for stream in (1, 2):
        os.dup2(output.fileno(), stream)


def resident_memory() -> int:
    """Bytes of memory that this process takes; 0 where that isn't known."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0


def _end_with_driver() -> None:
    """Have this process and its group killed when the driver has gone."""
    driver = parent_process()
    assert driver is not None
    fd = driver.sentinel
    if hasattr(fcntl, "F_SETSIG"):  # on Linux; a thread may wait long for code that holds the GIL
        fcntl.fcntl(fd, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_ASYNC)
    threading.Thread(target=_wait_for_end, args=(fd,), daemon=True).start()


def _wait_for_end(driver: int) -> None:
    wait([driver])
    os.killpg(0, signal.SIGKILL)
