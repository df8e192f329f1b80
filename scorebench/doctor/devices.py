"""The devices that torch can compute on, each of them tried."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterator

from scorebench.doctor.disk import readable
from scorebench.doctor.finding import Finding, attempted
from scorebench.running import hardware


def devices() -> Iterator[Finding]:
    """CPU, CUDA devices or why there are none, and on a Mac the same of MPS."""
    import torch

    yield from attempted("cpu", _cpu)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # told as the reason below
        has_cuda = torch.cuda.is_available()
    if has_cuda:
        for index in range(torch.cuda.device_count()):
            yield from attempted(f"cuda:{index}", functools.partial(_cuda, index))
    else:
        yield Finding("cuda", _why_no_cuda(), "missing")
    if torch.backends.mps.is_available():
        yield from attempted("mps", _mps)
    elif torch.backends.mps.is_built():
        yield Finding("mps", "this Mac's GPU or version of macOS isn't supported", "missing")


def _cpu() -> Iterator[Finding]:
    import torch

    _try("cpu")
    yield Finding("cpu", f"threads: {torch.get_num_threads()}")


def _cuda(index: int) -> Iterator[Finding]:
    import torch

    _try(f"cuda:{index}")
    about = torch.cuda.get_device_properties(index)
    free, total = torch.cuda.mem_get_info(index)
    driver = hardware.nvidia_driver()
    cudnn = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]
    yield Finding(
        f"cuda:{index}",
        f"{about.name}, {readable(total)}, free: {readable(free)}; CUDA {torch.version.cuda}, "
        f"cuDNN {cudnn}, driver {driver or 'unknown'}",
        facts={
            "total": total,
            "free": free,
            "cuda": torch.version.cuda,
            "cudnn": cudnn,
            "driver": driver,
        },
    )


def _mps() -> Iterator[Finding]:
    import torch

    _try("mps")
    total = torch.mps.recommended_max_memory()
    free = max(total - torch.mps.driver_allocated_memory(), 0)
    yield Finding(
        "mps",
        f"{hardware.cpu_model()}, {readable(total)}, free: {readable(free)}",
        facts={"total": total, "free": free},
    )


def _try(device: str) -> None:
    """Compute a little: a GPU newer than torch is found, yet has no kernels."""
    import torch

    total = torch.ones(2, device=device).sum().item()
    if total != 2:
        raise RuntimeError(f"1 + 1 is {total} there")


def _why_no_cuda() -> str:
    import torch

    try:
        torch.cuda.init()  # type: ignore[no-untyped-call]
    except (RuntimeError, AssertionError) as error:  # by a torch with and without CUDA
        return " ".join(str(error).split())
    return "torch finds no device"  # e.g. where CUDA_VISIBLE_DEVICES is empty
