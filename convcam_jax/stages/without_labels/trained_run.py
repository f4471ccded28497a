"""A finished run's models, without its corpus: what they say of any recording, and why."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pandas as pd
from jaxtyping import Array, Float

from convcam_jax.attribution.answering import Answers, Asked, answers, on_devices
from convcam_jax.attribution.placement import placed_maps
from convcam_jax.checks.listening.resynthesis import consensus_map
from convcam_jax.corpora.folders.file_index import recording_names
from convcam_jax.corpora.sounds.audio import SoundFacts
from convcam_jax.corpora.sounds.sound_files import told_samples
from convcam_jax.corpora.utterances import Source, Utterance
from convcam_jax.data.arrays import AnalysisArrays
from convcam_jax.data.members import Member
from convcam_jax.measures.analysis import contours
from convcam_jax.measures.cohort_maps import measured_arrays
from convcam_jax.measures.result_tables import recording_views
from convcam_jax.measures.segments import strong_stretches, voiced_stretches
from convcam_jax.measures.unlabelled import member_metrics, new_answer_table, spread_table
from convcam_jax.measures.views import RecordingView
from convcam_jax.networks.network import Variables
from convcam_jax.report.explanation import Explanation
from convcam_jax.representations.cache import compute_entry
from convcam_jax.representations.features import Features
from convcam_jax.representations.lengths import longest_duration_s
from convcam_jax.settings.config import Config
from convcam_jax.stages.ensemble.rounds import ROUNDS_FILE, is_trained, read_rounds
from convcam_jax.stages.finished_run import read_earlier_run
from convcam_jax.stages.record import (
    CONFIG_FILE,
    HIGHEST_FILE_RATE,
    changed_surroundings,
    changed_switches,
    read_record,
    surroundings,
)
from convcam_jax.stages.references import read_references
from convcam_jax.stages.run import ModelsOfConfig
from convcam_jax.stages.without_labels import models_file
from convcam_jax.system.ahead import one_ahead
from convcam_jax.system.digits import rounded_down
from convcam_jax.system.errors import RecordingError, UserError
from convcam_jax.system.formats import read_csv
from convcam_jax.system.jax_setup import settings_of_results, switches
from convcam_jax.system.paths import expanded
from convcam_jax.system.progress import counted, say
from convcam_jax.training import checkpoints


@dataclass(eq=False, repr=False)
class TrainedRun(ModelsOfConfig):
    """The models of a finished run; they are read when they are first asked, and then kept in the memory.

    Attributes:
      config: of the run.
      record: its `config.json`.
      members: all of its models.
      part_size: how many of them are asked at once.
      read_parts: reads the variables `[part_size, ...]` of all members, in their order, as NumPy arrays.
      references: with which the config's method compares recordings, `[R, F, T]`; None if it compares with none.
    """

    config: Config
    record: Mapping[str, Any]
    members: tuple[Member, ...]
    part_size: int
    read_parts: Callable[[], Iterator[Variables]]
    references: Float[np.ndarray, "R F T"] | None

    def __repr__(self) -> str:
        groups = "; ".join(dict.fromkeys(str(member.cohort) for member in self.members))
        emotions = ", ".join(self.config.corpus.emotions)
        models = counted(len(self.members), "model")
        return f"<TrainedRun: {models} ({self.config.network.name}) of {groups}, telling {emotions}>"

    @property
    def n_parts(self) -> int:
        """How many parts the members are asked in."""
        return -(-len(self.members) // self.part_size)

    def parts(self) -> Iterator[Variables]:
        """What `read_parts` reads, on the devices, each part when it is due; the next one is read meanwhile."""
        return map(on_devices, one_ahead(self.read_parts()))

    @cached_property
    def ensemble(self) -> list[Variables]:
        """The same, kept in the memory."""
        return list(self.parts())

    @cached_property
    def compared(self) -> Float[Array, "R F T"] | None:
        """The references on the device."""
        return None if self.references is None else jnp.asarray(self.references)

    @settings_of_results()
    def explain(self, recording: str | Path | Source) -> Explanation:
        """What the members say of a sound file, or of a part or a channel of it, and why.

        Raises:
          TypeError: it is no path and no source.
          UserError: there is no such file, it is no sound that can be used, it is too long for the models, or there is
            no device of the kind that the environment wants.
        """
        source = recording if isinstance(recording, Source) else Source(Path(recording))
        source = source._replace(path=expanded(str(source.path)))
        if not source.path.is_file():
            what = "a folder, whose recordings --experiment=explain explains" if source.path.is_dir() else "no file"
            raise UserError(f"{source.path}: is {what}; give a sound file")
        [name] = recording_names([source])
        if problem := told_too_long(name, source, self.config):
            raise problem
        entry = compute_entry(source, self.config.features)
        if isinstance(entry, RecordingError):
            raise entry
        if problem := too_long(name, entry.features.n_frames, self.config):
            raise problem
        return self.explain_features(name, entry.features, entry.sound)

    @settings_of_results()
    def explain_features(self, recording: str, features: Features, sound: SoundFacts) -> Explanation:
        """The same of a recording's features, which are no longer than the models take."""
        [found] = self.answers([features], lambda: self.ensemble)
        return self.explanation(recording, features, sound, found)

    def answers(
        self,
        several: Sequence[Features],
        read_parts: Callable[[], Iterable[Variables]],
        on_step: Callable[[], None] = lambda: None,
    ) -> list[Answers]:
        """What the members say of several recordings; see `answering.answers`."""
        magnitudes = [features.magnitude for features in several]
        representation, max_frames = self.config.representation, self.config.corpus.max_frames
        asked = Asked(self.network, representation, max_frames, self.config.attribution, self.compared)
        return answers(read_parts, magnitudes, asked, on_step)

    def explanation(self, recording: str, features: Features, sound: SoundFacts, found: Answers) -> Explanation:
        """All that is told of a recording, from what the members have answered."""
        config, emotions = self.config, self.config.corpus.emotions
        emotion = np.array([found.predicted], np.int32)
        arrays = measured_arrays([features], emotion, config.representation, config.analysis, config.corpus.max_frames)
        maps = np.asarray(placed_maps(found.signed_maps[:, None], arrays.n_frames, self.placement))[:, 0]
        view = self._view(recording, consensus_map(maps), arrays, emotions[found.predicted])
        table = new_answer_table(self.members, found.probabilities, emotions)
        index = pd.MultiIndex.from_tuples(self.members, names=Member._fields)
        return Explanation(
            answers=table,
            spread=spread_table(table, emotions),
            metrics=member_metrics(self.members, maps, arrays, view.bin_hz, config.analysis),
            predicted=emotions[found.predicted],
            probabilities=pd.DataFrame(found.probabilities, index=index, columns=list(emotions)),
            maps=maps[..., : len(view.time_s)],
            view=view,
            sound=sound,
            f0_segments=voiced_stretches(features.praat_f0_hz, features.praat_time_s, sound.duration_s),
            map_segments=strong_stretches(view.contour, view.trajectory_hz, view.time_s, sound.duration_s),
        )

    def _view(self, recording: str, own_map: np.ndarray, arrays: AnalysisArrays, emotion: str) -> RecordingView:
        utterance = Utterance(recording, "", "", emotion, "", Path())
        lines = contours(own_map[None], arrays, self.axes.bin_hz, self.config.analysis.trajectory_threshold)
        return recording_views("", [utterance], arrays, own_map[None], [None], lines, self.axes)[recording]


@settings_of_results()
def load_run(path: str | Path) -> TrainedRun:
    """The models of a finished run of the experiment `paper`; its corpus is not needed.

    `path` is the run's folder, or the file that the experiment `export` has made of it.

    Raises:
      UserError: there is no finished run, it is of another version of the program, its models are gone, or JAX has no
        device of the kind that the environment wants.
    """
    # Models are read when they are first asked, and by then a notebook may be in another folder.
    path = expanded(str(path)).absolute()
    if not path.exists():
        raise UserError(f"{path}: there is no such file or folder; give a finished run of the experiment paper")
    run = run_of_file(path) if path.is_file() else run_of_folder(path)
    tell_other_surroundings(run)
    return run


def tell_other_surroundings(run: TrainedRun) -> None:
    """Say what numbers may depend on and is another one here than where the run was made."""
    now = {"switches": switches(os.environ), **surroundings()}
    if changes := [*changed_surroundings(run.record, now), *changed_switches(run.record, now)]:
        say(f"answers and maps may differ in their last digits from those of the run: {', '.join(changes)}")


def run_of_folder(folder: Path, flag: str = "folder") -> TrainedRun:
    """The same of a run's folder, which was given as `flag`."""
    config, record = read_earlier_run(folder, "", flag).config, read_record(folder)
    if not isinstance(record.get(HIGHEST_FILE_RATE), int):
        raise UserError(
            f"{folder / CONFIG_FILE}: cannot be read as the config of a run ({HIGHEST_FILE_RATE} is no whole number); "
            "put back what was there"
        )
    table = read_csv(folder / "members.csv")
    rows = table[list(Member._fields)].itertuples(index=False, name=None)
    members = tuple(Member(group, fold, int(seed)) for group, fold, seed in rows)
    training = folder / "training"
    rounds = read_rounds(members, training) if (training / ROUNDS_FILE).is_file() else []
    if not rounds or not all(is_trained(own) for own in rounds):
        raise UserError(
            f"{flag}={folder}: the models of its members.csv (training/) are not there; give a finished run with its "
            "models"
        )

    def read_trained() -> Iterator[Variables]:
        return (checkpoints.load_variables(own.folder) for own in rounds)

    references = read_references(folder, config.grid) if config.attribution.compares else None
    return TrainedRun(config, record, members, len(rounds[0].members), read_trained, references)


def run_of_file(path: Path, flag: str = "file") -> TrainedRun:
    """The same of a file of models, which was given as `flag`."""
    found = models_file.open_models(path, flag)
    references = models_file.references_of_file(found)
    parts = partial(models_file.read_parts, found)
    return TrainedRun(found.config, found.record, found.members, found.part_size, parts, references)


def too_long(recording: str, n_frames: int, config: Config) -> RecordingError | None:
    """What is wrong with a recording of more frames than the input of the run's network; None of any other."""
    most = config.corpus.max_frames
    if n_frames <= most:
        return None
    longest = rounded_down(longest_duration_s(config.representation, most, config.representation.sample_rate_hz), 2)
    return RecordingError(
        recording,
        f"is too long ({n_frames} frames; the run's models take {most}, which is {longest} s); cut it",
        "too long",
    )


def told_too_long(recording: str, source: Source, config: Config) -> RecordingError | None:
    """The same of a recording that is too long by its file's header, so that nobody waits for an hour of sound."""
    representation = config.representation
    return too_long(recording, representation.n_frames(told_samples(source, representation.sample_rate_hz)), config)
