"""SimpleNet and Grad-CAM in Keras on TensorFlow, as a user would write them."""

import os
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import numpy as np
import tensorflow as tf

from convcam_jax.benchmark import plain_metrics
from convcam_jax.benchmark.cases import Case
from convcam_jax.benchmark.inputs import Inputs
from convcam_jax.benchmark.peers import simplenet_config
from convcam_jax.benchmark.worker import Job
from convcam_jax.settings.config import Config

LAST_CONVOLUTION = "last_convolution"


def versions() -> dict[str, str]:
    """The packages in use."""
    return {"keras": keras.__version__, "tensorflow": tf.__version__}


def prepare(case: Case, inputs: Inputs, config: Config) -> Job:
    """The program of a case.

    Raises:
      ImportError: TensorFlow has no device of the kind that this project computes on, which leaves it out.
    """
    if not tf.config.list_physical_devices(str(inputs.platform).upper()):
        raise ImportError(f"TensorFlow has no device of the kind {inputs.platform}")
    policy = "mixed_bfloat16" if case.precision == "bfloat16" else "float32"
    if case.task == "explaining":
        models = [with_activations(make_model(config, inputs.tested.shape[1:], policy)) for _ in range(case.members)]
        return lambda: [explain(model, inputs, case.recordings, len(config.corpus.emotions)) for model in models]
    spectrograms = inputs.full_length if case.task == "training_step_full_length" else inputs.batch
    model = make_model(config, spectrograms.shape[1:], policy)
    return lambda: model.train_on_batch(spectrograms[..., None], inputs.batch_emotion)


def make_model(config: Config, shape: tuple[int, ...], policy: str) -> Any:
    """SimpleNet, compiled for training; `shape` is (F, T) of its inputs."""
    keras.mixed_precision.set_global_policy(policy)
    own = simplenet_config(config)
    layers, filters = keras.layers, own.filters
    model = keras.Sequential(
        [
            keras.Input((*shape, 1)),
            layers.Conv2D(filters[0], 3, activation="relu"),
            layers.MaxPooling2D((1, 2)),
            layers.Conv2D(filters[1], 3, activation="relu"),
            layers.MaxPooling2D((1, 2)),
            layers.Conv2D(filters[2], 3, activation="relu", name=LAST_CONVOLUTION),
            layers.MaxPooling2D((2, 2)),
            layers.Flatten(),
            layers.Dense(own.dense_units, activation="relu"),
            layers.Dropout(own.dropout_rate),
            layers.Dense(len(config.corpus.emotions), dtype="float32"),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(config.train.learning_rate), loss)
    return model


def with_activations(model: Any) -> Any:
    """A model that gives the last convolution's activations and the logits."""
    return keras.Model(model.inputs[0], [model.get_layer(LAST_CONVOLUTION).output, model.outputs[0]])


def explain(model: Any, inputs: Inputs, n_recordings: int, n_emotions: int) -> list[plain_metrics.Metrics]:
    """Grad-CAM of the true class by a model `with_activations`, recording by recording, then masks and metrics."""
    maps, correct = [], []
    for index in range(n_recordings):
        label = int(inputs.emotion[index])
        with tf.GradientTape() as tape:
            activations, logits = model(inputs.tested[index][None, ..., None])
            score = logits[0, label]
        weights = tf.reduce_mean(tape.gradient(score, activations), axis=(0, 1, 2))
        node_map = tf.nn.relu(tf.reduce_sum(activations[0] * weights, axis=-1))
        maps.append(plain_metrics.place(tf.cast(node_map, tf.float32).numpy(), inputs, index))
        correct.append(int(np.argmax(logits[0])) == label)
    return plain_metrics.analyse(maps, correct, inputs, n_emotions)
