"""Training and Grad-CAM in Keras on TensorFlow, as a user would write them."""

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
from convcam_jax.benchmark.peer_networks.keras_networks import make_model, with_activations
from convcam_jax.benchmark.worker import Job
from convcam_jax.settings.config import Config


def versions() -> dict[str, str]:
    """The packages in use."""
    return {"keras": keras.__version__, "tensorflow": tf.__version__}


def prepare(case: Case, inputs: Inputs, config: Config) -> Job:
    """The program of a case.

    Raises:
      ImportError: TensorFlow has no device of the kind that this project computes on, or the network is none of its
        own, which leaves it out.
    """
    if not tf.config.list_physical_devices(str(inputs.platform).upper()):
        raise ImportError(f"TensorFlow has no device of the kind {inputs.platform}")
    policy = "mixed_bfloat16" if case.precision == "bfloat16" else "float32"
    if case.task == "explaining":
        made = [make_model(config, inputs.tested.shape[1:], policy) for _ in range(case.members)]
        models = [with_activations(model, config) for model in made]
        return lambda: [explain(model, inputs, case.recordings, len(config.corpus.emotions)) for model in models]
    spectrograms = inputs.full_length if case.task == "training_step_full_length" else inputs.batch
    model = make_model(config, spectrograms.shape[1:], policy)
    return lambda: model.train_on_batch(spectrograms[..., None], inputs.batch_emotion)


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
