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
    yield Component("empirical", f"{here}.empirical:Empirical", "A dataset's samples, exact score")
    yield Component("energy", f"{here}.energy:Energy", "A density exp(−E(x)), score by autograd")
    yield Component("ncsn", f"{here}.ncsn:NCSN", "A network trained by scorebench train")
    yield Component("module", f"{here}.module:Module", "A function or network of your own")
    yield Component(
        "diffusers", f"{here}.diffusers_unet:Diffusers", "A UNet2DModel of diffusers, pretrained"
    )
    yield Component(
        "ddpm_cifar10", f"{here}.ddpm_cifar10:DDPMCifar10", "DDPM's network of CIFAR-10, pretrained"
    )


@scorebench.hookimpl
def scorebench_noise_schedules() -> Iterator[Component]:
    here = f"{__name__}.noise_schedules"
    yield Component("geometric", f"{here}.geometric:Geometric", "A constant ratio between levels")
    yield Component("karras", f"{here}.karras:Karras", "Uniform in σ^(1/ρ), Karras et al. 2022")
    yield Component("linear", f"{here}.linear:Linear", "Uniform in σ")
    yield Component("log_snr", f"{here}.log_snr:LogSNR", "Uniform in log σ, geometric's formula")
    yield Component("time_uniform", f"{here}.time_uniform:TimeUniform", "Uniform in the VP SDE's t")
    yield Component("vp_linear", f"{here}.vp_linear:VPLinear", "DDPM's, Ho et al. 2020")
    yield Component("cosine", f"{here}.cosine:Cosine", "Nichol & Dhariwal 2021")
    yield Component("ncsnv2", f"{here}.ncsnv2:NCSNv2", "Chosen by the data, Song & Ermon 2020")
    yield Component("constant", f"{here}.constant:Constant", "One noise level")
    yield Component("explicit", f"{here}.explicit:Explicit", "A list of noise levels")


@scorebench.hookimpl
def scorebench_samplers() -> Iterator[Component]:
    here = f"{__name__}.samplers"
    for name, cls, summary in (
        ("langevin", "Langevin", "Langevin dynamics at one level, unadjusted"),
        ("mala", "MALA", "Langevin dynamics at one level, Metropolis-adjusted"),
        ("underdamped_langevin", "UnderdampedLangevin", "Langevin dynamics with momentum, BAOAB"),
        ("annealed_langevin", "AnnealedLangevin", "Down the levels, Song & Ermon 2019"),
        (
            "consistent_annealed_langevin",
            "ConsistentAnnealedLangevin",
            "One step a level, Jolicoeur-Martineau et al. 2021",
        ),
        ("reverse_diffusion", "ReverseDiffusion", "Reverse SDE, Song et al. 2021"),
        ("predictor_corrector", "PredictorCorrector", "Reverse SDE and Langevin, Song et al. 2021"),
        ("euler", "Euler", "Euler's method on the ODE, with churn, Karras et al. 2022"),
        ("heun", "Heun", "Heun's method on the ODE, with churn, Karras et al. 2022"),
        ("ddim", "DDIM", "From deterministic to ancestral, Song, Meng & Ermon 2021"),
        ("euler_ancestral", "EulerAncestral", "Euler steps and fresh noise, k-diffusion"),
        ("dpm_solver_2", "DPMSolver2", "DPM-Solver of order 2, single-step, Lu et al. 2022"),
        ("dpm_solver_3", "DPMSolver3", "DPM-Solver of order 3, single-step, Lu et al. 2022"),
        ("dpmpp_2s", "DPMpp2S", "DPM-Solver++(2S), single-step, Lu et al. 2022"),
        ("dpmpp_2m", "DPMpp2M", "DPM-Solver++(2M), multistep, Lu et al. 2022"),
        ("dpmpp_3m", "DPMpp3M", "DPM-Solver++(3M), multistep, Lu et al. 2022"),
        ("dpmpp_sde", "DPMppSDE", "DPM-Solver++ on the SDE, single-step, k-diffusion"),
        ("dpmpp_2m_sde", "DPMpp2MSDE", "DPM-Solver++(2M) on the SDE, Lu et al. 2022"),
        ("dpmpp_3m_sde", "DPMpp3MSDE", "DPM-Solver++(3M) on the SDE, k-diffusion"),
        ("deis", "DEIS", "Adams–Bashforth of variable steps, Zhang & Chen 2023"),
        ("ipndm", "IPNDM", "Adams–Bashforth of equal steps, Zhang & Chen 2023"),
        ("unipc", "UniPC", "Predictor and free corrector, Zhao et al. 2023"),
        ("sa_solver", "SASolver", "Stochastic Adams, predictor and corrector, Xue et al. 2023"),
    ):
        yield Component(name, f"{here}.{name}:{cls}", summary)


@scorebench.hookimpl
def scorebench_datasets() -> Iterator[Component]:
    here = f"{__name__}.datasets"
    yield Component("draws", f"{here}.draws:Draws", "Exact samples of a score model")
    yield Component("digits", f"{here}.digits:Digits", "1,797 handwritten digits of 8×8 pixels")
    yield Component("image_folder", f"{here}.image_folder:ImageFolder", "A folder or zip of images")
    yield Component("cifar10", f"{here}.cifar10:Cifar10", "CIFAR-10, 60,000 images of 32×32 pixels")


@scorebench.hookimpl
def scorebench_feature_extractors() -> Iterator[Component]:
    here = f"{__name__}.feature_extractors"
    yield Component("identity", f"{here}.identity:Identity", "The samples themselves, flattened")
    yield Component("digits_cnn", f"{here}.digits_cnn:DigitsCNN", "A classifier of 8×8 digits")
    yield Component(
        "inception", f"{here}.inception:Inception", "InceptionV3 by clean-fid, as in published FIDs"
    )
    yield Component(
        "efficientnet_lite0",
        f"{here}.efficientnet_lite0:EfficientNetLite0",
        "A small ImageNet network, no download",
    )
    yield Component("dinov2", f"{here}.dinov2:DINOv2", "DINOv2 ViT-L/14, Stein et al. 2023")


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
    yield Component("kid", f"{here}.kid:KID", "Kernel distance, Bińkowski et al. 2018")
    yield Component("vendi", f"{here}.vendi:Vendi", "Diversity, Friedman & Dieng 2023")
    yield Component(
        "authenticity",
        f"{here}.authenticity:Authenticity",
        "The share of samples that aren't copies, Alaa et al. 2022",
    )
    yield Component("ct_score", f"{here}.ct_score:CTScore", "A test of copying, Meehan et al. 2020")
    yield Component("mode_weights", f"{here}.mode_weights:ModeWeights", "The share of each mode")
    yield Component("moments", f"{here}.moments:Moments", "Errors of the mean and the variance")
    yield Component("score_error", f"{here}.score_error:ScoreError", "Distance from a known score")
    yield Component("dsm_loss", f"{here}.dsm_loss:DSMLoss", "Denoising loss on held-out data")
