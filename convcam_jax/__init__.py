"""Grad-CAM of convolutional networks on constant-Q spectrograms of emotional speech, in JAX.

Public names are what notebooks need most often; each is loaded when it is first used. With them a recording is read,
its map by a trained network is made and measured, a method of one's own is written, and a finished run is asked. What
trains a network, and all else, is imported from its room (docs/architecture.md).

- A recording and what is computed from it: `Source`, `read_recording`, `compute_features`, `FeatureConfig`,
  `ProsodyConfig`.
- Its map by a class's score: `grad_cam`, `make_placement`, `placed_map`, and for other methods `Method`, `Explained`,
  `by_nodes`, `score_gradient`.
- What the map is worth: `emotion_masks`, `ensemble_masks`, `binarise`, `recording_metrics`, `relevance_scores`.
- What there is to choose from, by the names that flags take: `CORPORA`, `SPLIT_PROTOCOLS`, `REPRESENTATIONS`,
  `NETWORKS`, `METHODS`, `METRICS`.
- A finished run's models asked about new recordings: `load_run`.
- What is raised where the user is to change something: `UserError`.
"""

import lazy_loader

__version__ = "0.1.0"

# The names and their homes stand in __init__.pyi, which type checkers read too.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
