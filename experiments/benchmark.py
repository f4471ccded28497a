"""How long training, explaining and features take, beside Keras, PyTorch and librosa as a user would take them.

    python run.py --experiment=benchmark --workdir=FOLDER                          on the embedded corpus
    python run.py --experiment=benchmark --corpus=emodb --data_dir=... --workdir=FOLDER
    python run.py --experiment=benchmark --set=benchmark.size=short                within two minutes on 2 CPU cores

The peers are those of requirements-bench.txt that are installed. Writes benchmark.csv, benchmark.json and two figures,
and methods.csv if it is asked for, all explained in docs/benchmark.md. The network is the paper's, also on the embedded
corpus.
"""

from convcam_jax.settings.presets import with_device_defaults
from convcam_jax.stages import beginning, benchmark
from convcam_jax.stages.run_settings import RunSettings


def run(settings: RunSettings) -> None:
    """Measure, then draw."""
    benchmark.check_unmeasured(settings.workdir)
    # What is measured is this device, whatever one was measured in the workdir before.
    begun = beginning.begin(settings._replace(config=with_device_defaults(settings.config)))
    benchmark.present(benchmark.measure(begun), begun.workdir)
