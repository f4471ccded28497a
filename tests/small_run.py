"""Flags of a run of the program that is small enough for a test: a network of few filters, two speakers."""

SMALL_RUN = (
    "--seeds=2",
    "--set=model.filters=3,4,5",
    "--set=model.dense_units=6",
    "--set=synthetic.speakers_per_gender=1",
    "--set=train.learning_rate=0.01",
)
