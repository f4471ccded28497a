"""Maps of the benchmark's test recordings by captum, zennit and grad-cam, of small networks in PyTorch.

python docs/entries/torch_toolkits.py BENCHMARK MAPS.npz
python docs/entries/torch_toolkits.py BENCHMARK MAPS.npz --seeds=2 --epochs=5

See docs/evidence_benchmark.md. Axes: N recording; R row (mel band); T column (frame).
"""

import argparse
import copy
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import captum.attr
import librosa
import numpy as np
import pandas as pd
import pytorch_grad_cam
import torch
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from zennit import composites
from zennit.attribution import Gradient

RATE_HZ = 16_000
LONGEST_S = 1.5
HOP_SAMPLES = 320
N_ROWS = 80
N_COLUMNS = 1 + int(LONGEST_S * RATE_HZ) // HOP_SAMPLES
N_CLASSES = 3
# Steps of integrated gradients, and draws of what is a mean over draws.
N_STEPS = 10
# Recordings in a training step, and those that are explained at once.
BATCH = 15


class Case(NamedTuple):
    """The recordings of one variant and group: inputs `[N, 1, R, T]`, labels `[N]`, and what each is for."""

    inputs: torch.Tensor
    labels: torch.Tensor
    split: np.ndarray

    def part(self, split: str) -> tuple[torch.Tensor, torch.Tensor]:
        """Inputs and labels of a split."""
        rows = torch.from_numpy(self.split == split)
        return self.inputs[rows], self.labels[rows]


def spectrogram(path: Path) -> torch.Tensor:
    """The cube root of a recording's mel magnitudes, 0 in silence and behind its end `[1, R, T]`."""
    samples, _ = librosa.load(path, sr=None)
    samples = librosa.util.fix_length(samples, size=int(LONGEST_S * RATE_HZ))
    magnitude = librosa.feature.melspectrogram(
        y=samples, sr=RATE_HZ, n_fft=1024, hop_length=HOP_SAMPLES, n_mels=N_ROWS, power=1
    )
    return torch.from_numpy(np.cbrt(magnitude)[None])


def read_case(folder: Path, own: pd.DataFrame) -> Case:
    """The recordings of a table, scaled by the deviation of those for training, which leaves silence at 0."""
    inputs = torch.stack([spectrogram(folder / "wav" / f"{recording}.wav") for recording in own["recording"]])
    case = Case(inputs, torch.tensor(own["label"].to_numpy()), own["split"].to_numpy())
    return case._replace(inputs=inputs / case.part("train")[0].std())


def network_with_random_weights(key: int) -> torch.nn.Sequential:
    """Three convolutions and two dense layers; the first of these tells rows and columns apart."""
    torch.manual_seed(key)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(1, 8, 5, padding=2),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Conv2d(8, 16, 5, padding=2),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Conv2d(16, 16, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Flatten(),
        torch.nn.Dropout(0.5),
        torch.nn.Linear(16 * (N_ROWS // 8) * (N_COLUMNS // 8), 32),
        torch.nn.ReLU(),
        torch.nn.Linear(32, N_CLASSES),
    )
    return network.eval()


# What Grad-CAM and its kin explain: the last convolution behind its ReLU.
EXPLAINED_LAYER = 7


def trained(network: torch.nn.Sequential, case: Case, epochs: int) -> torch.nn.Sequential:
    """A trained copy of the network, of the epoch with the smallest loss on the validation recordings."""
    network = copy.deepcopy(network)
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    (inputs, labels), validation = case.part("train"), case.part("validation")
    best, best_loss = copy.deepcopy(network), np.inf
    for _ in range(epochs):
        network.train()
        for batch in torch.randperm(len(inputs)).split(BATCH):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(network(inputs[batch]), labels[batch]).backward()
            optimizer.step()
        network.eval()
        with torch.no_grad():
            loss = float(torch.nn.functional.cross_entropy(network(validation[0]), validation[1]))
        if loss < best_loss:
            best, best_loss = copy.deepcopy(network), loss
    return best


def answers(network: torch.nn.Sequential, inputs: torch.Tensor) -> torch.Tensor:
    """The class that the network says of every input `[N]`."""
    with torch.no_grad():
        return network(inputs).argmax(1)


# The maps [N, R, T] of inputs [N, 1, R, T] for labels [N], with references [M, 1, R, T] that a method may use.
Method = Callable[[torch.nn.Sequential, torch.Tensor, torch.Tensor, torch.Tensor], np.ndarray]


def by_captum(algorithm: Callable, with_references: bool = False, **options: object) -> Method:
    """A method of captum; what it compares with is silence, or the references."""

    def maps(
        network: torch.nn.Sequential, inputs: torch.Tensor, labels: torch.Tensor, references: torch.Tensor
    ) -> np.ndarray:
        own = {"baselines": references} if with_references else {}
        return algorithm(network).attribute(inputs, target=labels, **own, **options).detach().numpy()[:, 0]

    return maps


def by_zennit(composite: Callable[[torch.Tensor], composites.Composite]) -> Method:
    """Layer-wise relevance propagation by a composite of zennit, which may depend on the inputs."""

    def maps(
        network: torch.nn.Sequential, inputs: torch.Tensor, labels: torch.Tensor, references: torch.Tensor
    ) -> np.ndarray:
        with Gradient(network, composite(inputs)) as attributor:
            _, relevance = attributor(inputs.clone(), torch.eye(N_CLASSES)[labels])
        return relevance.detach().numpy()[:, 0]

    return maps


def by_grad_cam(algorithm: Callable) -> Method:
    """A method of the package grad-cam, which itself resizes its maps to the size of the inputs."""

    def maps(
        network: torch.nn.Sequential, inputs: torch.Tensor, labels: torch.Tensor, references: torch.Tensor
    ) -> np.ndarray:
        with algorithm(network, [network[EXPLAINED_LAYER]]) as cam:
            return cam(inputs, [ClassifierOutputTarget(int(label)) for label in labels])

    return maps


METHODS: Mapping[str, Method] = {
    "captum_saliency": by_captum(captum.attr.Saliency),
    "captum_input_x_gradient": by_captum(captum.attr.InputXGradient),
    "captum_integrated_gradients": by_captum(captum.attr.IntegratedGradients, n_steps=N_STEPS),
    "captum_deep_lift": by_captum(captum.attr.DeepLift),
    "captum_gradient_shap": by_captum(captum.attr.GradientShap, with_references=True, n_samples=N_STEPS),
    "captum_guided_backprop": by_captum(captum.attr.GuidedBackprop),
    "captum_deconvolution": by_captum(captum.attr.Deconvolution),
    "captum_smoothgrad": by_captum(
        lambda network: captum.attr.NoiseTunnel(captum.attr.Saliency(network)), nt_samples=N_STEPS, stdevs=0.5
    ),
    "zennit_epsilon_plus": by_zennit(lambda inputs: composites.EpsilonPlus()),
    "zennit_epsilon_plus_flat": by_zennit(lambda inputs: composites.EpsilonPlusFlat()),
    "zennit_epsilon_alpha2_beta1": by_zennit(lambda inputs: composites.EpsilonAlpha2Beta1()),
    "zennit_epsilon_gamma_box": by_zennit(lambda inputs: composites.EpsilonGammaBox(low=0.0, high=float(inputs.max()))),
    "gradcam_gradcam": by_grad_cam(pytorch_grad_cam.GradCAM),
    "gradcam_gradcam++": by_grad_cam(pytorch_grad_cam.GradCAMPlusPlus),
    "gradcam_hirescam": by_grad_cam(pytorch_grad_cam.HiResCAM),
    "gradcam_xgradcam": by_grad_cam(pytorch_grad_cam.XGradCAM),
    "gradcam_layercam": by_grad_cam(pytorch_grad_cam.LayerCAM),
    "gradcam_eigencam": by_grad_cam(pytorch_grad_cam.EigenCAM),
}


def explain(network: torch.nn.Sequential, method: Method, case: Case) -> np.ndarray:
    """The maps of the test recordings `[N, R, T]` without what is negative, which does not count."""
    references, _ = case.part("train")
    batches = zip(*(values.split(BATCH) for values in case.part("test")), strict=True)
    maps = np.concatenate([method(network, inputs, labels, references) for inputs, labels in batches])
    return np.maximum(maps, 0).astype(np.float32)


def entry_of(case: Case, key: int, epochs: int) -> Iterator[tuple[str, np.ndarray]]:
    """Train one network; its answers and maps of the test recordings, with the beginnings of their names.

    key: what its draws begin with.
    """
    random = network_with_random_weights(key)
    network = trained(random, case, epochs)
    for split in ("train", "validation"):
        inputs, labels = case.part(split)
        print(f"{split}: accuracy {(answers(network, inputs) == labels).float().mean():.3f}", flush=True)
    yield "predicted", answers(network, case.part("test")[0]).numpy()
    for method, maps_of in METHODS.items():
        for kind, explained in (("network", network), ("random_weights", random)):
            # captum draws by both.
            torch.manual_seed(key)
            np.random.seed(key)  # noqa: NPY002
            yield f"{kind}/{method}", explain(explained, maps_of, case)


def main() -> None:
    """Write the file to score, array by array, since all of them take gigabytes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("benchmark", type=Path, help="the folder that --experiment=evidence_export has written")
    parser.add_argument("file", type=Path, help="the .npz file to write")
    parser.add_argument("--seeds", type=int, default=4, help="networks of each variant and group")
    parser.add_argument("--epochs", type=int, default=40)
    given = parser.parse_args()
    torch.set_num_threads(1)
    table = pd.read_csv(given.benchmark / "recordings.csv", keep_default_na=False)
    with zipfile.ZipFile(given.file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:

        def save(name: str, array: np.ndarray) -> None:
            with archive.open(f"{name}.npy", "w") as member:
                np.lib.format.write_array(member, np.asarray(array))

        save("frequency_hz", librosa.mel_frequencies(N_ROWS + 2, fmax=RATE_HZ / 2)[1:-1])
        save("time_s", np.arange(N_COLUMNS) * HOP_SAMPLES / RATE_HZ)
        for (variant, group, fold), own in table.groupby(["variant", "group", "fold"], sort=False):
            print(f"{variant}, {group}, fold {fold}", flush=True)
            case = read_case(given.benchmark, own)
            tested = own.loc[own["split"] == "test", "recording"]
            for seed in range(given.seeds):
                print(f"seed {seed}", flush=True)
                # Networks of another group count as others, and so have first weights of their own.
                key = zlib.crc32(f"{group}/{fold}/{seed}".encode())
                for begin, arrays in entry_of(case, key, given.epochs):
                    for recording, array in zip(tested, arrays, strict=True):
                        save(f"{begin}/{variant}/{seed}/{recording}", array)


if __name__ == "__main__":
    main()
