from __future__ import annotations

import pytest
import torch

from scorebench.errors import DivergenceError, PluginError, TimeLimitError
from scorebench.running.failure import is_out_of_memory, one_line, status


def refused() -> BaseException:
    """What torch raises where the system refuses memory."""
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60)
    return caught.value


# What torch tells where a device has no memory left but for its own allocator's OutOfMemoryError.
NO_MEMORY = [
    "CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported",
    "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
    "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
    "CUDA error: CUSOLVER_STATUS_ALLOC_FAILED, when calling `cusolverDnCreate(handle)`",
    "MPS backend out of memory (MPS allocated: 17.9 GB, other allocations: 1.1 GB)",
]

# Raised since torch 2.8; before, it was a RuntimeError.
AcceleratorError: type[RuntimeError] = getattr(torch, "AcceleratorError", RuntimeError)


class SpeechlessError(Exception):
    def __str__(self) -> str:
        raise ValueError("no words")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (DivergenceError("inf"), "diverged"),
        (TimeLimitError("late"), "timeout"),
        (torch.OutOfMemoryError("no room"), "out_of_memory"),
        (MemoryError(), "out_of_memory"),
        (refused(), "out_of_memory"),
        *((RuntimeError(told), "out_of_memory") for told in NO_MEMORY),
        *((AcceleratorError(told), "out_of_memory") for told in NO_MEMORY[:1]),
        (RuntimeError("shapes don't fit"), "failed"),
        (RuntimeError("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED"), "failed"),
        (ValueError("said: out of memory"), "failed"),
        (PluginError("breaks the rules"), "failed"),
        (SystemExit(3), "failed"),
    ],
)
def test_statuses(error: BaseException, expected: str) -> None:
    assert status(error) == expected
    assert is_out_of_memory(error) == (expected == "out_of_memory")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (PluginError("breaks\n the rules"), "breaks the rules"),
        (KeyError("x"), "KeyError: 'x'"),
        (MemoryError(), "MemoryError"),
        (SpeechlessError(), "SpeechlessError"),
    ],
)
def test_a_failure_is_told_in_one_line(error: BaseException, told: str) -> None:
    assert one_line(error) == told
