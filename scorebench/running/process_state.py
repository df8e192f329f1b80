"""What a plugin can change for everything else in its process, put back after each cell."""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch

from scorebench.running.setting import Setting, restore
from scorebench.running.torch_settings import TORCH, start
from scorebench.suite.spec import Determinism


@contextmanager
def own_process_state(device: torch.device, seed: int, determinism: Determinism) -> Iterator[None]:
    """Give a block random numbers and settings of its own.

    On the way in, the global random numbers of Python, numpy and torch are seeded, so that not even
    a plugin that breaks the rules by using them depends on what ran before, and torch's settings
    are its defaults and the suite's. On the way out, these and the other settings below are as they
    were. A process that was forked inside ends there.

    Args:
        device: whose random numbers are seeded besides the CPU's.
        seed: of the cell's repeat.
        determinism: which of torch's settings the suite asks for.
    """
    process = os.getpid()
    python, legacy = random.getstate(), np.random.get_state()
    before = {name: setting.read() for name, setting in SETTINGS.items()}
    devices = [device] if device.type == "cuda" else []
    try:
        start(determinism)
        random.seed(seed)
        np.random.seed(seed % 2**32)
        with torch.random.fork_rng(devices):
            torch.default_generator.manual_seed(seed)
            if device.type != "cpu":
                torch.manual_seed(seed)  # which is slow, and grows, where there is no such device
            yield
    finally:
        if os.getpid() != process:  # a plugin has forked, and its child must not go on as us
            os._exit(0)
        random.setstate(python)
        np.random.set_state(legacy)
        restore(SETTINGS, before)


def _set_environment(variables: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(variables)


def _handlers() -> dict[signal.Signals, Any]:
    """Signal handlers that can be put back: those set from Python, by the main thread."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    found = {number: signal.getsignal(number) for number in signal.Signals}
    return {number: handler for number, handler in found.items() if handler is not None}


def _set_handlers(handlers: Mapping[signal.Signals, Any]) -> None:
    for number, handler in handlers.items():
        if signal.getsignal(number) is not handler:
            signal.signal(number, handler)


def _set_filters(filters: list[Any]) -> None:
    warnings.resetwarnings()  # which also forgets what the others let through
    warnings.filters[:] = filters  # type: ignore[index]


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


SETTINGS = TORCH | {
    "environment": Setting(lambda: dict(os.environ), _set_environment),
    "signal handlers": Setting(_handlers, _set_handlers),
    "warning filters": Setting(lambda: list(warnings.filters), _set_filters),
    "numpy's errors": Setting(np.geterr, lambda found: np.seterr(**found)),
    "sys.stdout": Setting(lambda: sys.stdout, partial(setattr, sys, "stdout")),
    "sys.stderr": Setting(lambda: sys.stderr, partial(setattr, sys, "stderr")),
    "umask": Setting(_umask, os.umask),
    "folder": Setting(os.getcwd, os.chdir),
}
