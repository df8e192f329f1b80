"""Torch's settings that decide numbers, and those of them that a cell starts with."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from functools import partial
from operator import attrgetter
from typing import Any

import torch

from scorebench.running.setting import Setting, restore
from scorebench.suite.spec import Determinism

CPU = torch.device("cpu")


def start(determinism: Determinism) -> None:
    """Set what a cell starts with: torch's defaults, and what the suite asks for."""
    restore(TORCH, DEFAULTS)
    if determinism.algorithms:  # cuBLAS asks for it; read with the first product on a device
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    for setting, value in (
        (TORCH["deterministic algorithms"], (determinism.algorithms, False)),
        (TORCH["backends.cudnn.deterministic"], determinism.algorithms),
        (TORCH["backends.cudnn.benchmark"], determinism.cudnn_benchmark),
        (TORCH["backends.cudnn.allow_tf32"], determinism.tf32),
        (_attribute("backends.cuda.matmul.allow_tf32"), determinism.tf32),
    ):
        with contextlib.suppress(Warning):  # that the names which every torch has are old ones
            setting.write(value)


def _attribute(path: str) -> Setting:
    """An attribute of one of torch's backends."""
    owner, _, name = path.rpartition(".")

    def put(value: Any) -> None:
        setattr(attrgetter(owner)(torch), name, value)

    return Setting(partial(attrgetter(path), torch), put)


def _set_default_device(device: torch.device) -> None:
    # A default that is set costs every operation; None is that of the CPU.
    torch.set_default_device(None if device == CPU else device)


def _deterministic_algorithms() -> tuple[bool, bool]:
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    return torch.are_deterministic_algorithms_enabled(), warn_only


def _use_deterministic_algorithms(value: tuple[bool, bool]) -> None:
    mode, warn_only = value  # imports torch's compiler, which takes a second
    torch.use_deterministic_algorithms(mode, warn_only=warn_only)


def _kernels() -> Iterator[tuple[str, Setting]]:
    """Which kernels of attention may be used."""
    cuda = torch.backends.cuda
    for kind in ("flash", "mem_efficient", "math", "cudnn"):
        get, put = getattr(cuda, f"{kind}_sdp_enabled"), getattr(cuda, f"enable_{kind}_sdp")
        yield f"{kind} attention", Setting(get, put)


def _autocast() -> Iterator[tuple[str, Setting]]:
    for kind in ("cpu", "cuda", "mps"):
        for name, get, put in (
            ("autocast", torch.is_autocast_enabled, torch.set_autocast_enabled),
            ("autocast dtype", torch.get_autocast_dtype, torch.set_autocast_dtype),
        ):
            yield f"{kind} {name}", Setting(partial(get, kind), partial(put, kind))


# How products of float32 numbers are rounded, since torch 2.9; each goes by those before it unless
# it is set. That of all of mkldnn isn't here, as setting it sets that of all backends.
FP32 = [
    path
    for path in (
        "backends.fp32_precision",
        "backends.cudnn.fp32_precision",
        "backends.cuda.matmul.fp32_precision",
        "backends.cudnn.conv.fp32_precision",
        "backends.cudnn.rnn.fp32_precision",
        "backends.mkldnn.matmul.fp32_precision",
        "backends.mkldnn.conv.fp32_precision",
        "backends.mkldnn.rnn.fp32_precision",
    )
    if _attribute(path).read() is not None
]

SWITCHES = (
    "backends.cudnn.enabled",
    "backends.cudnn.deterministic",
    "backends.cudnn.benchmark",
    "backends.mkldnn.enabled",
    "backends.cuda.matmul.allow_fp16_reduced_precision_reduction",
    "backends.cuda.matmul.allow_bf16_reduced_precision_reduction",
)

# In the order in which they are set. The older settings of float32 products come before the newer
# ones, which they set, too; where the two disagree, reading an older one raises an error.
TORCH = {
    "default device": Setting(torch.get_default_device, _set_default_device),
    "default dtype": Setting(torch.get_default_dtype, torch.set_default_dtype),
    "gradients": Setting(torch.is_grad_enabled, torch.set_grad_enabled),
    "threads": Setting(torch.get_num_threads, torch.set_num_threads),
    # Torch doesn't tell, but it is the processor's setting for all that this thread computes.
    "flush denormal": Setting(lambda: sys.float_info.min / 2 == 0, torch.set_flush_denormal),
    "deterministic algorithms": Setting(_deterministic_algorithms, _use_deterministic_algorithms),
    **dict(_autocast()),
    **dict(_kernels()),
    **{path: _attribute(path) for path in SWITCHES},
    "float32 products": Setting(
        torch.get_float32_matmul_precision, torch.set_float32_matmul_precision
    ),
    "backends.cudnn.allow_tf32": _attribute("backends.cudnn.allow_tf32"),
    **{path: _attribute(path) for path in FP32},
}

# Backends that are switched off aren't among these: that may be the user's choice.
DEFAULTS = {
    "default device": CPU,
    "default dtype": torch.float32,
    "gradients": True,
    "flush denormal": False,
    "cpu autocast": False,
    "cuda autocast": False,
    "mps autocast": False,
    "float32 products": "highest",
    "backends.cudnn.allow_tf32": False,  # torch's is True; what the suite says comes later
    **dict.fromkeys(FP32, "none"),
}
