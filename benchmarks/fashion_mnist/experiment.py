"""The experiment of section 4 and appendix B, other detectors beside it, ablations of what the paper leaves open."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import joblib
import torch
from PIL import Image
from torch import Tensor, nn

from ..recorded import record, record_text, table
from . import figures, steps
from .detectors import (
    PER_PIXEL,
    Detector,
    Elbo,
    Features,
    InputComplexity,
    LikelihoodRatio,
    LikelihoodRegret,
    Predictive,
)
from .feature_likelihood import FeatureLikelihood
from .images import Data
from .jigsaw import Jigsaw
from .mixture import ADDED_VARIANCE
from .predictive import POSTERIOR_DRAWS, PRIOR_DRAWS, Scheme
from .puzzles import EPOCHS
from .vae import VAE, Bernoulli, Gaussian, PixelLikelihood, perturb

Net = TypeVar("Net", bound=nn.Module)

SCHEMES: tuple[Scheme, ...] = ("PR", "APO")
VARIANCE = 0.1  # of V2, which the paper does not give
MODELS: dict[str, PixelLikelihood] = {"V1": Bernoulli(), "V2": Gaussian(VARIANCE)}
SALT_AND_PEPPER = 0.2  # share of pixels replaced in appendix B's experiment, half of them by white
PERTURBED = 0.3  # ... in a background model's training
INSIDE, OUTSIDE = "FashionMNIST", "MNIST"


@dataclass(frozen=True)
class Settings:
    """How much of everything."""

    train: int | None = None  # images; all without
    test: int | None = None  # images of each set
    vae_epochs: int = 12
    background_epochs: int = 6
    jigsaw_epochs: int = EPOCHS
    prior_draws: int = PRIOR_DRAWS
    posterior_draws: int = POSTERIOR_DRAWS
    fitted: int = 10000  # images whose features a mixture is fitted to, the paper's n
    components: int = 15
    regret_images: int = 500  # of each set
    ablation_images: int = 1000  # of each set
    ablated_components: tuple[int, ...] = (5, 10, 15, 20, 30)
    ablated_fitted: tuple[int, ...] = (1000, 3000, 10000)
    ablated_added: tuple[float, ...] = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2)
    ablated_variances: tuple[float, ...] = (0.01, 0.03, 0.1, 0.3, 1.0)


FULL = Settings()
QUICK = Settings(
    train=64,
    test=8,
    vae_epochs=1,
    background_epochs=1,
    jigsaw_epochs=1,
    prior_draws=4,
    posterior_draws=2,
    fitted=64,
    components=2,
    regret_images=2,
    ablation_images=4,
    ablated_components=(2, 3),
    ablated_fitted=(32,),
    ablated_added=(1e-3,),
    ablated_variances=(0.1, 1.0),
)


class Experiment:
    """A run: trains, scores and compares; what is finished is kept in a folder, under `finished`."""

    def __init__(self, data: Data, folder: Path, settings: Settings):
        self.data, self.folder, self.settings = data, folder, settings
        memory = joblib.Memory(folder / "finished", verbose=0)
        self.step = {
            name: memory.cache(getattr(steps, name), ignore=ignored) for name, ignored in steps.KEYLESS.items()
        }
        self.digest = joblib.hash([images.numpy() for images in (data.train, data.test, data.foreign)])
        self.vaes = {name: self.vae(name, pixels, settings.vae_epochs) for name, pixels in MODELS.items()}
        self.backgrounds = {
            name: self.vae(f"{name}-background", pixels, settings.background_epochs, PERTURBED)
            for name, pixels in MODELS.items()
        }
        self.jigsaws = {name: self.jigsaw(name, pixels) for name, pixels in MODELS.items()}

    def vae(self, name: str, pixels: PixelLikelihood, epochs: int, perturbed: float = 0.0) -> VAE:
        return loaded(VAE(pixels), self.step["vae"](self.data.train, self.digest, name, pixels, epochs, perturbed))

    def jigsaw(self, name: str, pixels: PixelLikelihood) -> Jigsaw:
        epochs = self.settings.jigsaw_epochs
        return loaded(Jigsaw(), self.step["jigsaw"](self.data.train, self.digest, f"{name}-jigsaw", pixels, epochs))

    def features(
        self,
        name: str,
        layer: int = 1,
        components: int | None = None,
        fitted: int | None = None,
        added_variance: float = ADDED_VARIANCE,
    ) -> FeatureLikelihood:
        """p_FE of a model, with the paper's layer and the settings' C and n unless given."""
        mixture = self.step["mixture"](
            self.data.train,
            self.jigsaws[name],
            self.digest,
            MODELS[name],
            self.settings.jigsaw_epochs,
            layer,
            components or self.settings.components,
            fitted or self.settings.fitted,
            added_variance,
        )
        return FeatureLikelihood(self.jigsaws[name], mixture, layer)

    def predictive(self, vae: VAE, scheme: Scheme, features: FeatureLikelihood | None = None) -> Predictive:
        draws = {"PR": self.settings.prior_draws, "APO": self.settings.posterior_draws}[scheme]
        return Predictive(vae, scheme, draws, features)

    def detectors(self, name: str) -> list[Detector]:
        vae, features = self.vaes[name], self.features(name)
        return [
            Elbo(vae),
            *(self.predictive(vae, scheme) for scheme in SCHEMES),
            *(self.predictive(vae, scheme, features) for scheme in SCHEMES),
            Features(vae.pixels, features),
            LikelihoodRatio(vae, self.backgrounds[name]),
            InputComplexity(vae),
            LikelihoodRegret(vae),
        ]

    def scores(self, label: str, detector: Detector, images: int | None = None) -> dict[str, Tensor]:
        sets = {INSIDE: self.data.test[:images], OUTSIDE: self.data.foreign[:images]}
        return self.scores_of(sets, f"{label} {detector.name}", detector, images)

    def scores_of(
        self, sets: dict[str, Tensor], name: str, detector: Detector, images: int | None = None
    ) -> dict[str, Tensor]:
        return dict(self.step["scores"](detector, sets, self.digest, self.settings, name, images))

    def compare(self) -> tuple[dict[str, Any], dict[str, dict[str, dict[str, Tensor]]]]:
        """Figures of merit of all detectors, and their scores."""
        merits: dict[str, Any] = {}
        scores: dict[str, dict[str, dict[str, Tensor]]] = {}
        for name in MODELS:
            merits[name], scores[name] = {}, {}
            for detector in self.detectors(name):
                images = self.settings.regret_images if isinstance(detector, LikelihoodRegret) else None
                found = scores[name][detector.name] = self.scores(name, detector, images)
                merits[name][detector.name] = {
                    **figures.merit(found[INSIDE], found[OUTSIDE]),
                    "unit": detector.unit,
                    "images of each set": len(found[INSIDE]),
                    "medians": {key: float(values.median()) for key, values in found.items()},
                }
        return merits, scores

    def salt_and_pepper(self) -> dict[str, Tensor]:
        """Appendix B: scores of corrupted MNIST images by V1's p_FEVAE under PR; draws the first image."""
        vae = self.vaes["V1"]
        torch.manual_seed(0)
        noisy = perturb(vae.pixels.prepare(self.data.foreign), vae.pixels, SALT_AND_PEPPER)
        example = Image.fromarray((noisy[0, 0] * 255).byte().numpy())
        example.resize((224, 224), Image.Resampling.NEAREST).save(self.folder / "figure-2a.png")
        detector = self.predictive(vae, "PR", self.features("V1"))
        name = f"{OUTSIDE}, salt and pepper"
        return self.scores_of({name: noisy}, "V1 salt and pepper", detector)

    def ablate(self) -> dict[str, dict[str, dict[str, float]]]:
        """AUROC on some images for V2, with other layers, numbers of components and of images, and variances.

        The variance of the pixels is changed in the test only: it sets how much p_VAE weighs against p_FE.
        """
        vae, settings = self.vaes["V2"], self.settings
        variants = {
            "layer": {str(layer): (vae, self.features("V2", layer)) for layer in (1, 2, 3, 4)},
            "C": {str(c): (vae, self.features("V2", components=c)) for c in settings.ablated_components},
            "n": {str(n): (vae, self.features("V2", fitted=n)) for n in settings.ablated_fitted},
            "variance added to features": {
                str(added): (vae, self.features("V2", added_variance=added)) for added in settings.ablated_added
            },
            "variance in the test": {
                str(variance): (with_pixels(vae, Gaussian(variance)), self.features("V2"))
                for variance in settings.ablated_variances
            },
        }
        results: dict[str, dict[str, dict[str, float]]] = {}
        for what, values in variants.items():
            results[what] = {}
            for value, (net, features) in values.items():
                detectors: list[Detector] = [
                    Features(net.pixels, features),
                    *(self.predictive(net, scheme, features) for scheme in SCHEMES),
                ]
                found = [self.scores(f"V2 {what} {value}", each, settings.ablation_images) for each in detectors]
                results[what][value] = {
                    detector.name: figures.merit(scores[INSIDE], scores[OUTSIDE])["auroc"]
                    for detector, scores in zip(detectors, found, strict=True)
                }
        return results


def loaded(net: Net, state: dict[str, Tensor]) -> Net:
    """The network with a state, in evaluation mode and without gradients."""
    net.load_state_dict(state)
    return net.eval().requires_grad_(False)


def with_pixels(vae: VAE, pixels: PixelLikelihood) -> VAE:
    """The same networks under another likelihood of pixels."""
    return loaded(VAE(pixels), vae.state_dict())


def run(data: Data, folder: Path, settings: Settings) -> None:
    """Everything; writes `results.json`, `table.md` and `figure-*.png` to the folder."""
    experiment = Experiment(data, folder, settings)
    merits, scores = experiment.compare()
    noisy = experiment.salt_and_pepper()
    ablations = experiment.ablate()
    for figure, likelihood in (("1a", "p_VAE"), ("1b", "p_FEVAE")):
        panels = [[panel(scores, name, f"{likelihood}, {scheme}") for scheme in SCHEMES] for name in MODELS]
        figures.histograms(panels).savefig(folder / f"figure-{figure}.png", dpi=110)
    corrupted = panel(scores, "V1", "p_FEVAE, PR")
    corrupted[2].update(noisy)
    figures.histograms([[corrupted]]).savefig(folder / "figure-2b.png", dpi=110)
    inside = scores["V1"]["p_FEVAE, PR"][INSIDE]
    corruption = {key: figures.merit(inside, values) for key, values in noisy.items()}
    results = {
        "detectors": merits,
        "appendix B, V1, p_FEVAE, PR": corruption,
        "ablations of V2, AUROC": ablations,
    }
    record(folder / "results.json", results)
    record_text(folder / "table.md", tables(merits, corruption, ablations))


def panel(
    scores: dict[str, dict[str, dict[str, Tensor]]], name: str, detector: str
) -> tuple[str, str, dict[str, Tensor]]:
    """A histogram of some of a model's scores."""
    return f"{name}: {detector}", PER_PIXEL, dict(scores[name][detector])


def tables(
    merits: dict[str, dict[str, dict[str, Any]]],
    corruption: dict[str, dict[str, float]],
    ablations: dict[str, dict[str, dict[str, float]]],
) -> str:
    """All results in Markdown; percentages."""
    header = ["", "detector", "AUROC", "FPR at 95% TPR", "AUPR", "images of each set"]
    keys = ("auroc", "fpr95", "aupr")
    rows = [
        [name, detector, *(figures.percent(merit[key]) for key in keys), str(merit["images of each set"])]
        for name, detectors in merits.items()
        for detector, merit in detectors.items()
    ]
    noisy = [[key, *(figures.percent(merit[k]) for k in keys)] for key, merit in corruption.items()]
    ablated = [
        [what, value, *(figures.percent(auroc) for auroc in aurocs.values())]
        for what, values in ablations.items()
        for value, aurocs in values.items()
    ]
    names = list(next(iter(ablations["layer"].values())))
    return "\n".join(
        [
            f"# {INSIDE} against {OUTSIDE}\n\nPercent; in-distribution images are the positives.\n",
            table(rows, header) + "\n",
            "Appendix B: p_FEVAE of V1 under PR, against corrupted images.\n",
            table(noisy, ["", *header[2:5]]) + "\n",
            "Ablations of V2: AUROC.\n",
            table(ablated, ["what", "value", *names]) + "\n",
        ]
    )
