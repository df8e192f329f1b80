"""The shipped components, registered through the same hooks as anybody's."""

from __future__ import annotations

from collections.abc import Iterator

import scorebench
from scorebench import Component


@scorebench.hookimpl
def scorebench_score_models() -> Iterator[Component]:
    here = f"{__name__}.score_models"
    yield Component("gaussian", f"{here}.gaussian:Gaussian", "One Gaussian, exact")
    yield Component(
        "gaussian_mixture", f"{here}.gaussian_mixture:GaussianMixture", "A mixture, exact"
    )
    yield Component(
        "factor_mixture",
        f"{here}.factor_mixture:FactorMixture",
        "Low-rank Gaussians fitted to a dataset, exact score",
    )


@scorebench.hookimpl
def scorebench_noise_schedules() -> Iterator[Component]:
    here = f"{__name__}.noise_schedules"
    yield Component("geometric", f"{here}.geometric:Geometric", "A constant ratio between levels")
    yield Component("karras", f"{here}.karras:Karras", "Uniform in σ^(1/ρ), Karras et al. 2022")
    yield Component("constant", f"{here}.constant:Constant", "One noise level")


@scorebench.hookimpl
def scorebench_samplers() -> Iterator[Component]:
    here = f"{__name__}.samplers"
    yield Component("langevin", f"{here}.langevin:Langevin", "Langevin dynamics at one level")
    yield Component(
        "annealed_langevin",
        f"{here}.annealed_langevin:AnnealedLangevin",
        "Langevin dynamics down the levels, Song & Ermon 2019",
    )
    yield Component("euler", f"{here}.euler:Euler", "Euler's method on the probability-flow ODE")
    yield Component("heun", f"{here}.heun:Heun", "Heun's method with churn, Karras et al. 2022")


@scorebench.hookimpl
def scorebench_datasets() -> Iterator[Component]:
    here = f"{__name__}.datasets"
    yield Component("digits", f"{here}.digits:Digits", "1,797 handwritten digits of 8×8 pixels")
    yield Component("image_folder", f"{here}.image_folder:ImageFolder", "A folder or zip of images")
    yield Component("cifar10", f"{here}.cifar10:Cifar10", "CIFAR-10, 60,000 images of 32×32 pixels")


@scorebench.hookimpl
def scorebench_feature_extractors() -> Iterator[Component]:
    here = f"{__name__}.feature_extractors"
    yield Component("identity", f"{here}.identity:Identity", "The samples themselves, flattened")
    yield Component("digits_cnn", f"{here}.digits_cnn:DigitsCNN", "A classifier of 8×8 digits")


@scorebench.hookimpl
def scorebench_metrics() -> Iterator[Component]:
    here = f"{__name__}.metrics"
    yield Component("fid", f"{here}.fid:FID", "Fréchet distance between features")
    yield Component("inception_score", f"{here}.inception_score:InceptionScore", "Salimans 2016")
    yield Component(
        "precision_recall",
        f"{here}.precision_recall:PrecisionRecall",
        "k-NN manifolds, Kynkäänniemi et al. 2019",
    )
