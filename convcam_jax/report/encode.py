"""Pictures, sounds and numbers as text that a page can hold."""

import base64
import io
import json
from typing import Any

import numpy as np
import soundfile
from jaxtyping import Float, Num, UInt8
from PIL import Image

from convcam_jax.corpora.sounds.resampling import resample
from convcam_jax.system.text import visible

# The lowest rate of the first layer-III standard's extension that holds speech; others are resampled to it.
MP3_RATES_HZ = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
MP3_RATE_HZ = 16000
# 0 is the best quality and the most bytes, 1 the least.
MP3_COMPRESSION = 0.5


def as_json(value: Any) -> str:
    """JSON that can stand in a `script` element: no `<`, `>` or `&`; numbers that are not finite become null.

    In words, characters that act on others unseen are shown, see `visible`.
    """
    text = json.dumps(_shown(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # The two line separators end a line in older JavaScript.
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _shown(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _shown(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(one) for one in value]
    if isinstance(value, np.ndarray):
        return _shown(value.tolist())
    if isinstance(value, np.generic):
        return _shown(value.item())
    if isinstance(value, str):
        return visible(value)
    if value is None or (isinstance(value, float) and not np.isfinite(value)):
        return None
    return value


def rounded(values: Num[np.ndarray, " n"], digits: int) -> list[float]:
    """Values `[n]` with so many digits behind the point."""
    return [round(float(value), digits) for value in values]


def quantised(values: Float[np.ndarray, "*shape"], top: float) -> UInt8[np.ndarray, "*shape"]:
    """Values in 0..top as 0..255, rounded; what lies outside is clipped."""
    return np.round(255 * np.clip(values / top, 0, 1)).astype(np.uint8)


def as_png(pixels: UInt8[np.ndarray, "rows columns"]) -> str:
    """A grey picture `[rows, columns]` as PNG, in base64."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode("ascii")


def as_mp3(samples: Float[np.ndarray, " N"], rate_hz: int) -> str:
    """Samples `[N]` in -1..1 (beyond: clipped) as MP3, which every browser plays, in base64."""
    if rate_hz not in MP3_RATES_HZ:
        n_samples = -(-len(samples) * MP3_RATE_HZ // rate_hz)
        samples, rate_hz = resample(samples, rate_hz, MP3_RATE_HZ, n_samples), MP3_RATE_HZ
    file = io.BytesIO()
    soundfile.write(
        file,
        np.clip(samples, -1, 1),
        rate_hz,
        format="MP3",
        subtype="MPEG_LAYER_III",
        compression_level=MP3_COMPRESSION,
        bitrate_mode="VARIABLE",
    )
    return base64.b64encode(file.getvalue()).decode("ascii")


def envelope(samples: Float[np.ndarray, " N"], n_parts: int) -> tuple[list[float], list[float]]:
    """The least and the greatest sample of each of at most `n_parts` nearly equal parts of `samples [N]`."""
    parts = np.array_split(samples, min(n_parts, len(samples)))
    return rounded(np.array([p.min() for p in parts]), 3), rounded(np.array([p.max() for p in parts]), 3)
