from .attribution import METHODS as METHODS
from .attribution.cams.grad_cam import grad_cam as grad_cam
from .attribution.method import Explained as Explained
from .attribution.method import Method as Method
from .attribution.method import by_nodes as by_nodes
from .attribution.placement import make_placement as make_placement
from .attribution.placement import placed_map as placed_map
from .attribution.score import score_gradient as score_gradient
from .checks.evidence.relevance_scores import relevance_scores as relevance_scores
from .corpora import CORPORA as CORPORA
from .corpora.sounds.audio import read_recording as read_recording
from .corpora.utterances import Source as Source
from .measures.masks import binarise as binarise
from .measures.masks import emotion_masks as emotion_masks
from .measures.masks import ensemble_masks as ensemble_masks
from .measures.metric_table import METRICS as METRICS
from .measures.metrics import recording_metrics as recording_metrics
from .networks import NETWORKS as NETWORKS
from .representations import REPRESENTATIONS as REPRESENTATIONS
from .representations.features import FeatureConfig as FeatureConfig
from .representations.features import compute_features as compute_features
from .representations.prosody import ProsodyConfig as ProsodyConfig
from .splits import SPLIT_PROTOCOLS as SPLIT_PROTOCOLS
from .stages.without_labels.trained_run import load_run as load_run
from .system.errors import UserError as UserError

__version__: str
