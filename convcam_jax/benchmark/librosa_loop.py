"""Features as a user would compute them: recording by recording, with librosa and Praat."""

import importlib.metadata

import librosa
import numpy as np
import parselmouth

from convcam_jax.benchmark.cases import Case
from convcam_jax.benchmark.inputs import Inputs
from convcam_jax.benchmark.worker import Job
from convcam_jax.representations.cqt import Cqt
from convcam_jax.representations.prosody import ProsodyConfig
from convcam_jax.settings.config import Config


def versions() -> dict[str, str]:
    """The packages in use."""
    return {name: importlib.metadata.version(name) for name in ("librosa", "praat-parselmouth")}


def prepare(case: Case, inputs: Inputs, config: Config) -> Job:
    """The loop over the first recordings; there is none for another representation than the constant-Q transform."""
    wavs = inputs.wavs[: case.recordings].tolist()
    representation = config.representation
    if not isinstance(representation, Cqt):
        raise ImportError(f"it computes the representation cqt, not {representation.name}")
    return lambda: [features(wav, representation, config.prosody) for wav in wavs]


def features(wav: str, config: Cqt, prosody: ProsodyConfig) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """CQT magnitude `[F, n]`, F0 in Hz at its frames `[n]` and energy `[n]` of one file."""
    samples, rate_hz = librosa.load(wav, sr=config.cqt_sample_rate_hz, dtype=np.float64)
    cqt = np.abs(
        librosa.cqt(
            samples,
            sr=rate_hz,
            hop_length=config.hop_samples,
            fmin=config.lowest_bin_hz,
            n_bins=config.n_bins,
            bins_per_octave=config.bins_per_octave,
        )
    )
    pitch = parselmouth.Sound(wav).to_pitch_ac(
        time_step=prosody.f0_step_s, pitch_floor=prosody.f0_floor_hz, pitch_ceiling=prosody.f0_ceiling_hz
    )
    times_s = librosa.frames_to_time(np.arange(cqt.shape[1]), sr=rate_hz, hop_length=config.hop_samples)
    f0_hz = np.array([pitch.get_value_at_time(time_s) for time_s in times_s])
    energy = np.array([np.sum(part**2) for part in np.array_split(samples, cqt.shape[1])])
    return cqt, np.nan_to_num(f0_hz), energy
