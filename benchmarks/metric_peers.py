"""Metrics as other packages have them, each with the least that feeds it numpy arrays.

What a package can prepare of a reference it does when given the reference; the result is a function
of the generated features. They are imported when asked for, so that one that isn't installed can be
left out.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import numpy as np
import torch

from benchmarks.metric_data import Array

FID: TypeAlias = Callable[[Array], float]
Manifold: TypeAlias = Callable[[Array], tuple[float, ...]]
MeanAndDeviation: TypeAlias = tuple[float, float]


def clean_fid_fid(reference: Array) -> FID:
    from cleanfid.fid import frechet_distance

    known = _moments(reference)
    return lambda features: float(frechet_distance(*_moments(features), *known))


def pytorch_fid_fid(reference: Array) -> FID:
    from pytorch_fid.fid_score import calculate_frechet_distance

    known = _moments(reference)
    return lambda features: float(calculate_frechet_distance(*_moments(features), *known))


def torch_fidelity_fid(reference: Array) -> FID:
    from torch_fidelity import metric_fid

    known = metric_fid.fid_features_to_statistics(torch.from_numpy(reference))

    def score(features: Array) -> float:
        statistics = metric_fid.fid_features_to_statistics(torch.from_numpy(features))
        return _only(metric_fid.fid_statistics_to_metric(statistics, known, verbose=False))

    return score


def torchmetrics_fid(reference: Array) -> FID:
    from torchmetrics.image.fid import FrechetInceptionDistance

    class Given(torch.nn.Identity):
        num_features = reference.shape[1]

    metric = FrechetInceptionDistance(feature=Given(), reset_real_features=False)
    metric.update(torch.from_numpy(reference), real=True)

    def score(features: Array) -> float:
        metric.reset()
        metric.update(torch.from_numpy(features), real=False)
        return float(metric.compute())

    return score


def _moments(features: Array) -> tuple[Array, Array]:
    """As both clean-fid and pytorch-fid compute them inside of functions that read files."""
    return np.mean(features, axis=0), np.cov(features, rowvar=False)


def torch_fidelity_manifold(reference: Array, k: int) -> Manifold:
    """Precision and recall only."""
    from torch_fidelity.metric_prc import prc_features_to_metric

    def score(features: Array) -> tuple[float, ...]:
        both = torch.from_numpy(features), torch.from_numpy(reference)
        found = prc_features_to_metric(*both, prc_neighborhood=k, verbose=False)
        return found["precision"], found["recall"]

    return score


def prdc_manifold(reference: Array, k: int) -> Manifold:
    """Precision, recall, density and coverage, with balls that don't include their boundary."""
    from prdc import compute_prdc

    def score(features: Array) -> tuple[float, ...]:
        with contextlib.redirect_stdout(io.StringIO()):
            return tuple(map(float, compute_prdc(reference, features, k).values()))

    return score


def torch_fidelity_inception_score(logits: Array) -> MeanAndDeviation:
    """Without its shuffling, which is an option of torch-fidelity's."""
    from torch_fidelity.metric_isc import isc_features_to_metric

    mean, deviation = isc_features_to_metric(torch.from_numpy(logits), shuffle=False).values()
    return mean, deviation


def torchmetrics_inception_score(logits: Array) -> MeanAndDeviation:
    """Shuffled by torch's global generator; the deviation is normalised by splits − 1."""
    from torchmetrics.image.inception import InceptionScore

    metric = InceptionScore(feature=torch.nn.Identity())
    metric.update(torch.from_numpy(logits))
    mean, deviation = metric.compute()
    return float(mean), float(deviation)


def clean_fid_kid(reference: Array, features: Array, subsets: int, size: int) -> float:
    """The mean only; subsets are drawn by numpy's global generator."""
    from cleanfid.fid import kernel_distance

    return float(kernel_distance(reference, features, subsets, size))


def torch_fidelity_kid(reference: Array, features: Array, subsets: int, size: int) -> float:
    from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, kid_features_to_metric

    both = torch.from_numpy(features), torch.from_numpy(reference)
    found = kid_features_to_metric(*both, kid_subsets=subsets, kid_subset_size=size, verbose=False)
    return float(found[KEY_METRIC_KID_MEAN])


def torchmetrics_kid(reference: Array, features: Array, subsets: int, size: int) -> float:
    """Subsets are drawn by torch's global generator."""
    from torchmetrics.image.kid import KernelInceptionDistance

    metric = KernelInceptionDistance(torch.nn.Identity(), subsets, size)
    metric.update(torch.from_numpy(reference), real=True)
    metric.update(torch.from_numpy(features), real=False)
    return float(metric.compute()[0])


def clean_fid_resize(images: Array) -> Array:
    """PIL's bicubic filter in floating point, an image and a channel at a time.

    As many images at once as torch has threads; clean-fid has processes for that.
    """
    from cleanfid.resize import make_resizer

    resizer = make_resizer("PIL", False, "bicubic", (299, 299))
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        resized = np.stack(list(pool.map(resizer, images.transpose(0, 2, 3, 1))))
    return resized.transpose(0, 3, 1, 2)


def torch_fidelity_resize(images: Array) -> Array:
    """TensorFlow's old bilinear filter."""
    from torch_fidelity.interpolate_compat_tensorflow import (
        interpolate_bilinear_2d_like_tensorflow1x as interpolate,
    )

    x = torch.from_numpy(images).float()
    resized: Array = interpolate(x, size=(299, 299), align_corners=False).numpy()
    return resized


def _only(values: Any) -> float:
    """The value of a dictionary with one."""
    (value,) = values.values()
    return float(value)


FIDS = {
    "clean-fid": clean_fid_fid,
    "pytorch-fid": pytorch_fid_fid,
    "torch-fidelity": torch_fidelity_fid,
    "torchmetrics": torchmetrics_fid,
}
MANIFOLDS = {"torch-fidelity": torch_fidelity_manifold, "prdc": prdc_manifold}
INCEPTION_SCORES = {
    "torch-fidelity": torch_fidelity_inception_score,
    "torchmetrics": torchmetrics_inception_score,
}
KIDS = {
    "clean-fid": clean_fid_kid,
    "torch-fidelity": torch_fidelity_kid,
    "torchmetrics": torchmetrics_kid,
}
RESIZERS = {"clean-fid": clean_fid_resize, "torch-fidelity": torch_fidelity_resize}
