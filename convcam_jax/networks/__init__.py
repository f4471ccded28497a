"""The networks. To add one: a file with its config and its `network.Network`, and a line here.

Its convolutions are `blocks.Convolution`s or those of `kernels/`, which round as `precision` says and are fast for
members that are mapped together. A network may import kernels, geometry and what a batch is; it knows nothing of
training, attribution or files.
"""

from collections.abc import Mapping

from convcam_jax.networks.applications.densenet121 import DenseNet121Config
from convcam_jax.networks.applications.inceptionv3 import InceptionV3Config
from convcam_jax.networks.applications.mobilenet import MobileNetConfig
from convcam_jax.networks.applications.resnet50 import ResNet50Config
from convcam_jax.networks.applications.vgg16 import VGG16Config
from convcam_jax.networks.crnn import CRNNConfig
from convcam_jax.networks.network import NetworkConfig
from convcam_jax.networks.resnet_small import ResNetSmallConfig
from convcam_jax.networks.simplenet import SimpleNetConfig
from convcam_jax.networks.spectrogram_transformer import SpectrogramTransformerConfig

NETWORKS: Mapping[str, type[NetworkConfig]] = {
    "simplenet": SimpleNetConfig,
    "mobilenet": MobileNetConfig,
    "vgg16": VGG16Config,
    "resnet50": ResNet50Config,
    "inceptionv3": InceptionV3Config,
    "densenet121": DenseNet121Config,
    "crnn": CRNNConfig,
    "spectrogram_transformer": SpectrogramTransformerConfig,
    "resnet_small": ResNetSmallConfig,
}
