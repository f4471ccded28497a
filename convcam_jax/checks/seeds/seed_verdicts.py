"""What the agreement of the seeds comes to, in sentences made of its numbers."""

import pandas as pd

from convcam_jax.measures.statistics import groups_of
from convcam_jax.system.digits import per_cent
from convcam_jax.system.progress import counted

SEED_VERDICT_COLUMNS = ("about", "group", "metric", "sentence")


def _explained_variance(icc: pd.Series) -> str:
    who, value = f"{icc['name']} ({icc['group']})", icc["value"]
    rests_on = f"{counted(icc['n'], 'recording')} with a value in every seed"
    what = "of the variance of one seed's values"
    if pd.isna(value):
        return f"{who}: what share {what} the recording explains cannot be told from {rests_on}."
    share = per_cent(max(value, 0))
    return f"{who}: the recording explains {share} {what}, ICC(2,1) = {value:z.2f}, over {rests_on}."


def seed_verdicts(stability: pd.DataFrame, claims: pd.DataFrame) -> pd.DataFrame:
    """Sentences about agreement over seeds, of maps and metrics per group, and about the paper's claims.

    stability: the table of stability.csv; claims: `stability.surviving_claims`. Returns SEED_VERDICT_COLUMNS.
    """
    rows: list[list[object]] = []
    for group in groups_of(stability):
        of_group = stability[(stability["group"] == group) & (stability["level"] == "group")]
        maps = of_group[of_group["kind"] == "map_mean"].set_index("name")
        if len(maps):
            # Maps smaller than the window of the structural similarity have none.
            n, n_ssim = (int(maps["n"].get(name, 0)) for name in ("rank_correlation", "ssim"))
            of_some = f" over {n_ssim} of them" if n_ssim < n else ""
            ssim = f", SSIM{of_some} {maps.loc['ssim', 'value']:z.2f}" if "ssim" in maps.index else ""
            sentence = (
                f"Maps of one recording by two seeds ({group}): rank correlation "
                f"{maps.loc['rank_correlation', 'value']:z.2f}{ssim}, on average over "
                f"{counted(n, 'recording')}."
            )
            rows.append(["stability", group, "", sentence])
        single = of_group[(of_group["kind"] == "icc") & (of_group["statistic"] == "icc_2_1")]
        rows += [["stability", group, row["name"], _explained_variance(row)] for _, row in single.iterrows()]
    counts = claims["answer"].value_counts()
    listed = ", ".join(f"{answer} ({count})" for answer, count in counts.items())
    rows.append(["claims", "all", "", f"The paper's {len(claims)} claims: {listed}."])
    return pd.DataFrame(rows, columns=list(SEED_VERDICT_COLUMNS))
