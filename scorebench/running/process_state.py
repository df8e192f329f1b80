"""What a plugin can change for everything else in its process, put back after each cell."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from scorebench.suite.spec import Determinism


@contextmanager
def own_process_state(device: torch.device, seed: int, determinism: Determinism) -> Iterator[None]:
    """Give a block random numbers and settings of its own.

    On the way in, the global random numbers of Python, numpy and torch are seeded, so that not even
    a plugin that breaks the rules by using them depends on what ran before. On the way out, these,
    torch's settings, environment variables, signal handlers and the working directory are as they
    were. A process that was forked inside ends there.

    Args:
        device: whose random numbers are seeded besides the CPU's.
        seed: of the cell's repeat.
        determinism: which of torch's settings the suite asks for.
    """
    process = os.getpid()
    python, legacy = random.getstate(), np.random.get_state()
    settings, variables, folder = _torch_settings(), dict(os.environ), os.getcwd()
    handlers = _handlers()
    random.seed(seed)
    np.random.seed(seed % 2**32)
    devices = [device] if device.type == "cuda" else []
    try:
        with torch.random.fork_rng(devices):
            torch.default_generator.manual_seed(seed)
            if device.type != "cpu":
                torch.manual_seed(seed)  # which is slow, and grows, where there is no such device
            _apply(determinism)
            yield
    finally:
        if os.getpid() != process:  # a plugin has forked, and its child must not go on as us
            os._exit(0)
        random.setstate(python)
        np.random.set_state(legacy)
        if dict(os.environ) != variables:
            os.environ.clear()
            os.environ.update(variables)
        os.chdir(folder)
        _restore_torch(settings)
        for number, handler in handlers.items():
            if signal.getsignal(number) is not handler:
                signal.signal(number, handler)


def _apply(determinism: Determinism) -> None:
    _use_deterministic_algorithms(determinism.algorithms, warn_only=False)
    if determinism.algorithms:  # cuBLAS asks for it; read with the first product on a device
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.backends.cudnn.deterministic = determinism.algorithms
    torch.backends.cudnn.benchmark = determinism.cudnn_benchmark
    torch.backends.cudnn.allow_tf32 = determinism.tf32
    torch.backends.cuda.matmul.allow_tf32 = determinism.tf32


def _use_deterministic_algorithms(mode: bool, *, warn_only: bool) -> None:
    enabled = torch.are_deterministic_algorithms_enabled()
    if (enabled, torch.is_deterministic_algorithms_warn_only_enabled()) != (mode, warn_only):
        # Only then, as torch imports its compiler here, which takes a second.
        torch.use_deterministic_algorithms(mode, warn_only=warn_only)


def _torch_settings() -> tuple[object, ...]:
    cudnn, products = torch.backends.cudnn, torch.backends.cuda.matmul
    return (
        torch.get_default_device(),
        torch.get_default_dtype(),
        torch.is_grad_enabled(),
        torch.get_num_threads(),
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        cudnn.deterministic,
        cudnn.benchmark,
        cudnn.allow_tf32,
        products.allow_tf32,
    )


def _restore_torch(settings: tuple[object, ...]) -> None:
    if _torch_settings() == settings:
        return
    device, dtype, grad, threads, algorithms, warn, *backends = settings
    if torch.get_default_device() != device:
        # A default that is set costs every operation; None is that of the CPU.
        torch.set_default_device(None if device == torch.device("cpu") else device)  # type: ignore[arg-type]
    torch.set_default_dtype(dtype)  # type: ignore[arg-type]
    torch.set_grad_enabled(bool(grad))
    torch.set_num_threads(int(threads))  # type: ignore[call-overload]
    _use_deterministic_algorithms(bool(algorithms), warn_only=bool(warn))
    deterministic, benchmark, convolutions, products = map(bool, backends)
    torch.backends.cudnn.deterministic = deterministic
    torch.backends.cudnn.benchmark = benchmark
    torch.backends.cudnn.allow_tf32 = convolutions
    torch.backends.cuda.matmul.allow_tf32 = products


def _handlers() -> dict[signal.Signals, Any]:
    """Signal handlers that can be put back: those set from Python, by the main thread."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    found = {number: signal.getsignal(number) for number in signal.Signals}
    return {number: handler for number, handler in found.items() if handler is not None}
