"""What the user is told of the sounds of a corpus, once, with counts."""

from collections import Counter
from collections.abc import Iterable, Mapping

from convcam_jax.corpora.sounds.audio import SoundFacts
from convcam_jax.system.errors import named

# -60 dB of full scale. The quietest of EMO-DB has 0 dB, of RAVDESS (4 actors) -33 dB, of TESS (20 words) -28 dB.
QUIET_PEAK = 1e-3
# The largest of EMO-DB is 0.0001, whose recordings reach full scale, of RAVDESS and TESS less; recordings at full scale
# that are amplified twice have 0.003.
LARGEST_CLIPPED_SHARE = 0.002


def sound_remarks(sounds: Mapping[str, SoundFacts], sample_rate_hz: int) -> list[str]:
    """Sentences on other sample rates, channels, offsets and odd levels; none where there are none."""
    remarks = [
        _on_rates(sounds, sample_rate_hz),
        _on(
            sounds, {r: s.n_channels > 1 for r, s in sounds.items()}, "have several channels and were mixed down to one"
        ),
        _on(
            sounds,
            {r: s.removed_offset != 0 for r, s in sounds.items()},
            "have a constant offset beside which the sound is small; it was taken away",
        ),
        _on(
            sounds,
            {r: s.peak > 1 for r, s in sounds.items()},
            "go beyond full scale (floating-point samples above 1) and are used as they are",
        ),
        _on(
            sounds,
            {r: s.peak < QUIET_PEAK for r, s in sounds.items()},
            f"are hardly to be heard (a peak below {QUIET_PEAK:g} of full scale), as when a microphone is muted",
        ),
        _on(
            sounds,
            {r: s.clipped_share > LARGEST_CLIPPED_SHARE and s.peak >= QUIET_PEAK for r, s in sounds.items()},
            f"have more than {100 * LARGEST_CLIPPED_SHARE:g} % of their samples piled up at the highest or lowest "
            "value (clipped?)",
        ),
    ]
    return [remark for remark in remarks if remark]


def highest_file_rate_hz(sounds: Iterable[SoundFacts], sample_rate_hz: int) -> int:
    """The highest rate of the files, at most the one that they are resampled to: from its half on all are empty."""
    return max(min(sound.file_rate_hz, sample_rate_hz) for sound in sounds)


def remark_on_band(sounds: Mapping[str, SoundFacts], sample_rate_hz: int, highest_learned_hz: int) -> str:
    """A sentence on sounds of rates above `highest_learned_hz`, the highest of what networks learned from, or ""."""
    wider = {recording: min(s.file_rate_hz, sample_rate_hz) > highest_learned_hz for recording, s in sounds.items()}
    return _on(
        sounds,
        wider,
        f"may have sound above {highest_learned_hz / 2:g} Hz, where no recording had any that the models learned from",
    )


def _on(sounds: Mapping[str, SoundFacts], concerns: Mapping[str, bool], what: str) -> str:
    names = sorted(recording for recording, is_one in concerns.items() if is_one)
    return f"{len(names)} of {len(sounds)} recordings {what}: {named(names)}" if names else ""


def _on_rates(sounds: Mapping[str, SoundFacts], sample_rate_hz: int) -> str:
    """Of lower rates there is more to say: a network can tell such recordings by what they have nothing of."""
    others = {recording: s.file_rate_hz for recording, s in sounds.items() if s.file_rate_hz != sample_rate_hz}
    if not others:
        return ""
    counts = ", ".join(f"{n} of {rate_hz} Hz" for rate_hz, n in sorted(Counter(others.values()).items()))
    remark = f"{len(others)} of {len(sounds)} recordings are not at {sample_rate_hz} Hz and were resampled: {counts}"
    lowest = min(others.values())
    if lowest >= sample_rate_hz:
        return remark
    remark += f"; those below {sample_rate_hz} Hz are empty from half their rate on ({lowest / 2:g} Hz)"
    differ = len({min(s.file_rate_hz, sample_rate_hz) for s in sounds.values()}) > 1
    return remark + (", by which a network can tell them from the others" if differ else "")
