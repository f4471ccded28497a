"""What the agreement of the seeds comes to, in sentences made of its numbers."""

import pandas as pd

from convcam_jax.measures.digits import per_cent
from convcam_jax.measures.statistics import groups_of

SEED_VERDICT_COLUMNS = ("about", "group", "metric", "sentence")


def seed_verdicts(stability: pd.DataFrame, claims: pd.DataFrame) -> pd.DataFrame:
    """Sentences about agreement over seeds, of maps and metrics per group, and about the paper's claims.

    stability: the table of stability.csv; claims: `stability.surviving_claims`. Returns SEED_VERDICT_COLUMNS.
    """
    rows: list[list[object]] = []
    for group in groups_of(stability):
        own = stability[(stability["group"] == group) & (stability["level"] == "group")]
        maps = own[own["kind"] == "map_mean"].set_index("name")
        if len(maps):
            # Maps smaller than the window of the structural similarity have none.
            n, n_ssim = (int(maps["n"].get(name, 0)) for name in ("rank_correlation", "ssim"))
            of_some = f" over {n_ssim} of them" if n_ssim < n else ""
            ssim = f", SSIM{of_some} {maps.loc['ssim', 'value']:.2f}" if "ssim" in maps.index else ""
            sentence = (
                f"Maps of one recording by two seeds ({group}): rank correlation "
                f"{maps.loc['rank_correlation', 'value']:.2f}{ssim}, on average over "
                f"{n} recordings."
            )
            rows.append(["stability", group, "", sentence])
        single = own[(own["kind"] == "icc") & (own["statistic"] == "icc_2_1")].dropna(subset="value")
        for row in single.itertuples():
            sentence = (
                f"{row.name} ({group}): the recording explains {per_cent(max(row.value, 0))} of the variance of one "
                f"seed's values, ICC(2,1) = {row.value:.2f}, over the {row.n} recordings with a value in every seed."
            )
            rows.append(["stability", group, row.name, sentence])
    counts = claims["answer"].value_counts()
    listed = ", ".join(f"{answer} ({count})" for answer, count in counts.items())
    rows.append(["claims", "all", "", f"The paper's {len(claims)} claims: {listed}."])
    return pd.DataFrame(rows, columns=list(SEED_VERDICT_COLUMNS))
