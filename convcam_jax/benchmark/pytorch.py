"""Training and Grad-CAM in PyTorch, as a user would write them: with hooks, and with the package grad-cam."""

from functools import partial
from typing import Any

import torch
from torch import nn

from convcam_jax.benchmark import plain_metrics
from convcam_jax.benchmark.cases import Case
from convcam_jax.benchmark.inputs import Inputs
from convcam_jax.benchmark.peer_networks.pytorch_networks import MadeNetwork, make
from convcam_jax.benchmark.worker import Job
from convcam_jax.settings.config import Config


def versions() -> dict[str, str]:
    """The packages in use."""
    return {"torch": torch.__version__}


def prepare(case: Case, inputs: Inputs, config: Config) -> Job:
    """The program of a case."""
    if case.task != "explaining":
        return _training_step(case, inputs, config)
    n_emotions = len(config.corpus.emotions)
    device = _device(inputs)
    networks = [make(config, inputs.tested.shape[1:]) for _ in range(case.members)]
    for network in networks:
        network.model.to(device).eval()
    by_hooks = case.program == "pytorch_hooks"
    explain = explain_by_hooks if by_hooks else partial(explain_by_package, _import_grad_cam())

    def explain_all() -> list[list[plain_metrics.Metrics]]:
        with torch.autocast(device, torch.bfloat16, enabled=case.precision == "bfloat16"):
            return [explain(network, inputs, case.recordings, n_emotions) for network in networks]

    return explain_all


def _training_step(case: Case, inputs: Inputs, config: Config) -> Job:
    spectrograms = inputs.full_length if case.task == "training_step_full_length" else inputs.batch
    device = _device(inputs)
    images = torch.from_numpy(spectrograms)[:, None].to(device, memory_format=torch.channels_last)
    labels = torch.from_numpy(inputs.batch_emotion).long().to(device)
    model = make(config, spectrograms.shape[1:]).model.to(device)
    optimizer = torch.optim.Adam(model.parameters(), config.train.learning_rate)

    def step() -> float:
        with torch.autocast(device, torch.bfloat16, enabled=case.precision == "bfloat16"):
            loss = nn.functional.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def explain_by_hooks(
    network: MadeNetwork, inputs: Inputs, n_recordings: int, n_emotions: int
) -> list[plain_metrics.Metrics]:
    """Grad-CAM of the true class, recording by recording, then masks and metrics."""
    kept = []
    handle = network.explained.register_forward_hook(lambda layer, args, output: kept.append(output))
    maps, correct = [], []
    for index in range(n_recordings):
        label = int(inputs.emotion[index])
        logits = network.model(torch.from_numpy(inputs.tested[index])[None, None].to(_device(inputs)))[0]
        activations = kept.pop()
        (gradient,) = torch.autograd.grad(logits[label], activations)
        node_map = torch.relu((gradient.mean((2, 3), keepdim=True) * activations).sum(1))[0]
        maps.append(plain_metrics.place(node_map.detach().float().cpu().numpy(), inputs, index))
        correct.append(int(logits.argmax()) == label)
    handle.remove()
    return plain_metrics.analyse(maps, correct, inputs, n_emotions)


def explain_by_package(
    package: Any, network: MadeNetwork, inputs: Inputs, n_recordings: int, n_emotions: int
) -> list[plain_metrics.Metrics]:
    """The same by `pytorch_grad_cam.GradCAM`, which stretches its maps over the whole input."""
    maps, correct = [], []
    with package.GradCAM(model=network.model, target_layers=[network.explained]) as cam:
        for index in range(n_recordings):
            label = int(inputs.emotion[index])
            image = torch.from_numpy(inputs.tested[index])[None, None].to(_device(inputs))
            grid_map = cam(image, [package.utils.model_targets.ClassifierOutputTarget(label)])[0]
            maps.append(plain_metrics.scale(grid_map, int(inputs.n_frames[index])))
            correct.append(int(cam.outputs.detach()[0].argmax()) == label)
    return plain_metrics.analyse(maps, correct, inputs, n_emotions)


def _device(inputs: Inputs) -> str:
    """Where this project computes.

    Raises:
      ImportError: PyTorch cannot, which leaves it out.
    """
    if inputs.platform == "cpu":
        return "cpu"
    if inputs.platform != "gpu" or not torch.cuda.is_available():
        raise ImportError(f"PyTorch has no device of the kind {inputs.platform}")
    # As its manual recommends for inputs of one shape; what is chosen is kept before anything is measured.
    torch.backends.cudnn.benchmark = True
    return "cuda"


def _import_grad_cam() -> Any:
    try:
        import pytorch_grad_cam
        import pytorch_grad_cam.utils.model_targets
    except Exception as error:
        # Not an ImportError where torchvision was built for another PyTorch.
        raise ImportError(f"the package grad-cam cannot be imported: {error}") from error
    return pytorch_grad_cam
