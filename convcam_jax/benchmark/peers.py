"""What the programs that are measured beside this one have in common."""

from collections.abc import Mapping

from convcam_jax.settings.config import Config

# The networks of Keras's applications: the model there, and its layer whose output is that of the last explained layer.
KERAS_APPLICATIONS: Mapping[str, tuple[str, str]] = {
    "vgg16": ("VGG16", "block5_conv3"),
    "resnet50": ("ResNet50", "conv5_block3_out"),
    "mobilenet": ("MobileNet", "conv_pw_13_relu"),
    "inceptionv3": ("InceptionV3", "mixed10"),
    "densenet121": ("DenseNet121", "relu"),
}
# This project's own, which the peers make in any size.
OWN_NETWORKS = ("simplenet", "resnet_small", "crnn", "spectrogram_transformer")


def require_made(config: Config) -> None:
    """Ask whether the peers make the config's network: this project's own in any size, Keras's applications in full.

    Raises:
      ImportError: they do not, which leaves them out.
    """
    network = config.network
    if network.name in OWN_NETWORKS:
        return
    if network.name not in KERAS_APPLICATIONS:
        raise ImportError(f"it does not make the network {network.name}")
    if network != type(network)():
        raise ImportError(f"it makes the network {network.name} in its full size alone")
