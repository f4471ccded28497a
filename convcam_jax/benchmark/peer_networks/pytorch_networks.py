"""The networks in PyTorch, as a user would write them or take them from torchvision.

torchvision's have what Keras's of the same name have, but for the biases of ResNet50's convolutions, the scales of
InceptionV3's normalisations and where they pad; where ResNet50 has its strides, and VGG16's dense layers, are changed
to be those of Keras. torchvision has MobileNetV2 and V3 only.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import nn

from convcam_jax.benchmark.peer_networks.pytorch_own_networks import CRNN, ResNetSmall, SpectrogramTransformer
from convcam_jax.benchmark.peers import require_made
from convcam_jax.networks.crnn import CRNNConfig
from convcam_jax.networks.network import NetworkConfig
from convcam_jax.networks.resnet_small import ResNetSmallConfig
from convcam_jax.networks.simplenet import SimpleNetConfig
from convcam_jax.networks.spectrogram_transformer import SpectrogramTransformerConfig
from convcam_jax.settings.config import Config

# Of MobileNet's blocks: filters, stride.
_MOBILENET = (
    *((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)),
    *((512, 1),) * 5,
    *((1024, 2), (1024, 1)),
)


class MadeNetwork(NamedTuple):
    """A network, and its module whose output is explained."""

    model: Any
    explained: Any


def make(config: Config, shape: tuple[int, ...]) -> MadeNetwork:
    """The config's network; `shape` is (F, T) of its inputs. The initial weights do not change the time.

    Raises:
      ImportError: it is none that PyTorch is measured with, or torchvision is missing.
    """
    require_made(config)
    n_emotions = len(config.corpus.emotions)
    made = _made(config.network, (shape[0], shape[1]), n_emotions)
    made.model.to(memory_format=torch.channels_last)
    return made


def _made(config: NetworkConfig, shape: tuple[int, int], n_emotions: int) -> MadeNetwork:
    match config:
        case SimpleNetConfig():
            return _simplenet(config, shape, n_emotions)
        case ResNetSmallConfig():
            residual = ResNetSmall(config, shape[0], n_emotions)
            return MadeNetwork(residual, residual.parts)
        case CRNNConfig():
            recurrent = CRNN(config, shape[0], n_emotions)
            return MadeNetwork(recurrent, recurrent.convolutions)
        case SpectrogramTransformerConfig():
            transformer = SpectrogramTransformer(config, shape, n_emotions)
            return MadeNetwork(transformer, transformer.tokens)
    return _MAKERS[config.name](shape, n_emotions)


def _simplenet(config: SimpleNetConfig, shape: tuple[int, int], n_emotions: int) -> MadeNetwork:
    filters = config.filters
    last_relu = nn.ReLU()
    features = nn.Sequential(
        nn.Conv2d(1, filters[0], 3),
        nn.ReLU(),
        nn.MaxPool2d((1, 2)),
        nn.Conv2d(filters[0], filters[1], 3),
        nn.ReLU(),
        nn.MaxPool2d((1, 2)),
        nn.Conv2d(filters[1], filters[2], 3),
        last_relu,
        nn.MaxPool2d((2, 2)),
        nn.Flatten(),
    )
    head = (nn.ReLU(), nn.Dropout(config.dropout_rate), nn.Linear(config.dense_units, n_emotions))
    return MadeNetwork(
        nn.Sequential(features, nn.Linear(_width(features, shape), config.dense_units), *head), last_relu
    )


def _vgg16(shape: tuple[int, int], n_emotions: int) -> MadeNetwork:
    features = _torchvision().models.vgg16().features[:-1]
    features[0] = nn.Conv2d(1, 64, 3, padding=1)
    pooled = nn.Sequential(features, nn.MaxPool2d(2), nn.Flatten())
    dense = (nn.Linear(_width(pooled, shape), 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU())
    return MadeNetwork(nn.Sequential(pooled, *dense, nn.Linear(4096, n_emotions)), features)


def _resnet50(shape: tuple[int, int], n_emotions: int) -> MadeNetwork:
    del shape
    model = _torchvision().models.resnet50(num_classes=n_emotions)
    model.conv1 = nn.Conv2d(1, 64, 7, stride=2, padding=3, bias=False)
    for stage in (model.layer2, model.layer3, model.layer4):
        stage[0].conv1.stride, stage[0].conv2.stride = (2, 2), (1, 1)
    return MadeNetwork(model, model.layer4)


def _inceptionv3(shape: tuple[int, int], n_emotions: int) -> MadeNetwork:
    del shape
    model = _torchvision().models.inception_v3(
        num_classes=n_emotions, aux_logits=False, transform_input=False, init_weights=False, dropout=0.0
    )
    model.Conv2d_1a_3x3.conv = nn.Conv2d(1, 32, 3, stride=2, bias=False)
    return MadeNetwork(model, model.Mixed_7c)


def _densenet121(shape: tuple[int, int], n_emotions: int) -> MadeNetwork:
    del shape
    model = _torchvision().models.densenet121(num_classes=n_emotions)
    model.features.conv0 = nn.Conv2d(1, 64, 7, stride=2, padding=3, bias=False)
    last_relu = nn.ReLU()
    head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), model.classifier)
    return MadeNetwork(nn.Sequential(model.features, last_relu, *head), last_relu)


def _mobilenet(shape: tuple[int, int], n_emotions: int) -> MadeNetwork:
    del shape
    layers, n_channels = _normalised(1, 32, 3, stride=2), 32
    for n_filters, stride in _MOBILENET:
        layers += _normalised(n_channels, n_channels, 3, stride, groups=n_channels)
        layers += _normalised(n_channels, n_filters, 1)
        n_channels = n_filters
    features = nn.Sequential(*layers)
    head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.001), nn.Linear(n_channels, n_emotions))
    return MadeNetwork(nn.Sequential(features, *head), features)


_MAKERS: dict[str, Callable[[tuple[int, int], int], MadeNetwork]] = {
    "vgg16": _vgg16,
    "resnet50": _resnet50,
    "mobilenet": _mobilenet,
    "inceptionv3": _inceptionv3,
    "densenet121": _densenet121,
}


def _normalised(n_inputs: int, n_filters: int, kernel: int, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    """A convolution with normalisation and ReLU6; with a stride of 2, it is padded at the end only, as in Keras."""
    padding = [nn.ZeroPad2d((0, 1, 0, 1))] if stride == 2 else []
    inside = kernel // 2 if stride == 1 else 0
    convolution = nn.Conv2d(n_inputs, n_filters, kernel, stride, inside, groups=groups, bias=False)
    return [*padding, convolution, nn.BatchNorm2d(n_filters), nn.ReLU6()]


def _width(features: nn.Module, shape: tuple[int, int]) -> int:
    """How many values come out of features that end flat."""
    with torch.no_grad():
        return features(torch.zeros(1, 1, *shape)).shape[1]


def _torchvision() -> Any:
    try:
        import torchvision.models
    except Exception as error:
        # Not an ImportError where it was built for another PyTorch.
        raise ImportError(f"the package torchvision cannot be imported: {error}") from error
    return torchvision
