"""The paper's empirical claims (sections 3.3.1 to 3.3.3 and 4) as data.

A claim is about rows of numbers: one statistic of one gender, with a value per emotion. It holds where its predicate
holds in all its rows. Most rows are those of Tables 3 to 5. The others are not printed, so the printed tables decide
nothing about them: Table 5 without the speakers that section 3.3.3 sets aside, and shares of recordings.

Left out, since no table decides them:

- 3.3.2: the best trajectories of sadness and neutral "mostly coincide", those of anger in males are "practically
  opposite": pictures without a number. Their errors are in the claims on Table 4.
- 3.3.2: octave errors of F0 in 13b01Ab and 13a01Nb: about the pitch tracker, not about maps.
- 3.3.3: two low males of anger, speakers 13 and 15 with the text b03: speaker 13 is a woman (the published recordings
  with this text are of 03 and 15), and no number is given.
- 3.3.3: "almost identical" ratios of the speakers 10 and 03 in happiness, two "much smaller" ones of the speakers 14
  and 16 in sadness, "no significant deviations" elsewhere: no numbers.
- what the claims are taken to mean ("may indicate ...", "carrier of information"), unless a number stands beside it.
"""

import numpy as np

from convcam_jax.paper.claim_terms import (
    ALL_EMOTIONS,
    CLOSER_THAN_A_CONSTANT,
    HIGHER_WHERE_VOICED,
    TABLE_5_SET_ASIDE,
    Claim,
    Row,
    above,
    all_between,
    below,
    between,
    both_genders,
    highest_between,
    highest_in,
    lowest_between,
    lowest_in,
)

CLAIMS = (
    Claim(
        "envelope-female-lowest-sadness",
        "3.3.1",
        "The lowest RMSE values were obtained for recordings representing the sadness emotional state for females",
        "the lowest female value is in sadness",
        (Row(3, "female", "min"),),
        lowest_in("sadness"),
    ),
    Claim(
        "envelope-male-lowest-neutral",
        "3.3.1",
        "for males in neutral state the RMSE value was equal to 0.08",
        "the lowest male value is in neutral",
        (Row(3, "male", "min"),),
        lowest_in("neutral"),
    ),
    Claim(
        "envelope-female-highest-anger",
        "3.3.1",
        "the highest RMSE values belonging to female sentence in anger state and equal to 0.34",
        "the highest female value is in anger",
        (Row(3, "female", "max"),),
        highest_in("anger"),
    ),
    Claim(
        "envelope-male-highest-sadness",
        "3.3.1",
        "In the case of males, the RMSE was equal to 0.33 for sadness (Figure 8d)",
        "the highest male value is in sadness",
        (Row(3, "male", "max"),),
        highest_in("sadness"),
    ),
    Claim(
        "envelope-male-highest-neutral",
        "3.3.1, Figure 8",
        "with the highest RMSE values: ... males in neutral state (d)",
        "the highest male value is in neutral",
        (Row(3, "male", "max"),),
        highest_in("neutral"),
    ),
    Claim(
        "envelope-female-lowest-value",
        "3.3.1",
        "The lowest RMSE values ... for females equal to 0.06",
        "the lowest female value lies between 0.06 and 0.07",
        (Row(3, "female", "min"),),
        lowest_between(0.06, 0.07),
        unit="mse",
    ),
    Claim(
        "envelope-male-lowest-value",
        "3.3.1",
        "for males in neutral state the RMSE value was equal to 0.08",
        "the lowest male value lies between 0.08 and 0.09",
        (Row(3, "male", "min"),),
        lowest_between(0.08, 0.09),
        unit="mse",
    ),
    Claim(
        "envelope-female-highest-value",
        "3.3.1",
        "the highest RMSE values belonging to female sentence ... equal to 0.34",
        "the highest female value lies between 0.34 and 0.35",
        (Row(3, "female", "max"),),
        highest_between(0.34, 0.35),
        unit="mse",
    ),
    Claim(
        "envelope-male-highest-value",
        "3.3.1",
        "In the case of males, the RMSE was equal to 0.33",
        "the highest male value lies between 0.33 and 0.34",
        (Row(3, "male", "max"),),
        highest_between(0.33, 0.34),
        unit="mse",
    ),
    Claim(
        "envelope-female-sadness-boredom",
        "3.3.1",
        "in the case of females, the emotional state for which the RMSE value was the lowest globally was sadness and "
        "boredom",
        "the female means of sadness and boredom are the two lowest",
        (Row(3, "female", "mean"),),
        lowest_in("sadness", "boredom"),
    ),
    Claim(
        "envelope-male-sadness-boredom",
        "3.3.1",
        "sadness and boredom, which also achieved the lowest RMSE values in male recordings",
        "the male means of sadness and boredom are the two lowest",
        (Row(3, "male", "mean"),),
        lowest_in("sadness", "boredom"),
    ),
    Claim(
        "envelope-boredom-sadness-conform",
        "4",
        "significant conformity of the energy distribution in the activation maps ... with the recording envelope for "
        "emotions such as boredom and sadness than in other emotions",
        "the means of boredom and sadness are the two lowest for both genders",
        both_genders(3, "mean"),
        lowest_in("boredom", "sadness"),
    ),
    Claim(
        "envelope-closer-than-a-constant",
        "4",
        "significant conformity of the energy distribution in the activation maps ... with the recording envelope for "
        "emotions such as boredom and sadness",
        "in more than half of the recordings of boredom and of sadness, q differs less from Q (mean squared "
        "difference) than the best constant, the mean of Q, does, for both genders",
        both_genders(CLOSER_THAN_A_CONSTANT, "share"),
        above(50.0, "boredom", "sadness"),
    ),
    Claim(
        "voiced-parts",
        "4",
        "the convolutional neural network considers the prosodic features ... and energy distribution related to "
        "voiced parts of speech",
        "in more than half of the recordings, q is higher on average in voiced than in unvoiced frames, for both "
        "genders",
        both_genders(HIGHER_WHERE_VOICED, "share"),
        above(50.0, ALL_EMOTIONS),
    ),
    Claim(
        "f0-boredom-best-coincides",
        "3.3.2",
        "in the case of boredom emotion ... the differences between them changed from 7Hz to 10Hz",
        "the lowest value of boredom is at most 10 Hz for both genders",
        both_genders(4, "min"),
        between("boredom", 0.0, 10.0),
        unit="hz",
    ),
    Claim(
        "f0-boredom-low",
        "3.3.2",
        "globally, boredom state also achieved low values of RMSE",
        "the mean of boredom is the lowest for both genders",
        both_genders(4, "mean"),
        lowest_in("boredom"),
    ),
    Claim(
        "f0-sadness-neutral-smaller",
        "3.3.2",
        "their [sadness, neutral] differences are much smaller than that of the states anger, fear, and happiness",
        "the lowest values of sadness and neutral lie below those of anger, fear and happiness for both genders",
        both_genders(4, "min"),
        below(("sadness", "neutral"), ("anger", "fear", "happiness")),
    ),
    Claim(
        "f0-sadness-neutral-low",
        "3.3.2",
        "on the Figure 12 can be seen that RMSE values [of sadness and neutral] are in low ranges",
        "the means of sadness and neutral lie below those of anger, fear and happiness for both genders",
        both_genders(4, "mean"),
        below(("sadness", "neutral"), ("anger", "fear", "happiness")),
    ),
    Claim(
        "f0-happiness-best",
        "3.3.2",
        "For best cases [of happiness] ... their differences are vary from 100Hz to 150Hz",
        "the lowest value of happiness lies between 99.5 and 150.5 Hz for both genders",
        both_genders(4, "min"),
        between("happiness", 99.5, 150.5),
        unit="hz",
    ),
    Claim(
        "f0-happiness-spread",
        "3.3.2",
        "RMSE values for all recordings representing happiness emotional state have a pretty large spread",
        "the range of happiness is above those of boredom, neutral and sadness for both genders",
        both_genders(4, "range"),
        below(("boredom", "neutral", "sadness"), ("happiness",)),
    ),
    Claim(
        "f0-female-fear-spread",
        "3.3.2",
        "The situation is similar for the female recordings for the fear emotional state",
        "the female range of fear is above those of boredom, neutral and sadness",
        (Row(4, "female", "range"),),
        below(("boredom", "neutral", "sadness"), ("fear",)),
    ),
    Claim(
        "f0-anger-best-is-worst",
        "3.3.2",
        "The most significant differences occurred for the emotional state anger ... for recordings with the lowest "
        "RMSE values, the differences are much greater than in the other emotional states",
        "the lowest value of anger is the highest of all emotions' for both genders",
        both_genders(4, "min"),
        highest_in("anger"),
    ),
    Claim(
        "f0-anger-best-range",
        "3.3.2",
        "the differences ... range from 158Hz to 439Hz",
        "the lowest value of anger lies between 157.5 and 439.5 Hz for both genders",
        both_genders(4, "min"),
        between("anger", 157.5, 439.5),
        unit="hz",
    ),
    Claim(
        "f0-anger-varied",
        "3.3.2",
        "the distribution of the coefficients RMSE values for all recordings of anger is more varied",
        "the range of anger is the widest for both genders",
        both_genders(4, "range"),
        highest_in("anger"),
    ),
    Claim(
        "f0-anger-700",
        "3.3.2",
        "anger ... is high as 700Hz",
        "the highest value of anger is at least 700 Hz for both genders",
        both_genders(4, "max"),
        between("anger", 700.0, np.inf),
        unit="hz",
    ),
    Claim(
        "f0-poor-source-for-anger",
        "3.3.2",
        "the fundamental frequency is a fairly poor source of information for anger emotional state",
        "the mean of anger is the highest for both genders",
        both_genders(4, "mean"),
        highest_in("anger"),
    ),
    Claim(
        "energy-around-90",
        "3.3.3",
        "the average values that are around 90% for all emotional states and genders",
        "all means lie between 85 and 95 per cent",
        both_genders(5, "mean"),
        all_between(85.0, 95.0),
    ),
    Claim(
        "energy-female-lowest-sadness",
        "3.3.3",
        "the lowest mean in the case of females was obtained by sadness",
        "the lowest female mean is in sadness",
        (Row(5, "female", "mean"),),
        lowest_in("sadness"),
    ),
    Claim(
        "energy-male-lowest-boredom",
        "3.3.3",
        "in the case of males, it was boredom",
        "the lowest male mean is in boredom",
        (Row(5, "male", "mean"),),
        lowest_in("boredom"),
    ),
    Claim(
        "energy-female-highest-anger",
        "3.3.3",
        "the highest mean of Ê was for anger state for females",
        "the highest female mean is in anger",
        (Row(5, "female", "mean"),),
        highest_in("anger"),
    ),
    Claim(
        "energy-male-highest-happiness",
        "3.3.3",
        "and happiness for males",
        "the highest male mean is in happiness",
        (Row(5, "male", "mean"),),
        highest_in("happiness"),
    ),
    Claim(
        "energy-female-steady-neutral",
        "3.3.3",
        "for females, the lowest difference between the minimum and maximum value was equal to 5.9% for emotion "
        "neutral",
        "the narrowest female range is in neutral, emotions with fewer than three recordings left out",
        (Row(5, "female", "range"),),
        lowest_in("neutral"),
        minimum_recordings=3,
    ),
    Claim(
        "energy-male-steady-happiness",
        "3.3.3",
        "For males, it was happiness state with a value of 5.4%",
        "the narrowest male range is in happiness, emotions with fewer than three recordings left out",
        (Row(5, "male", "range"),),
        lowest_in("happiness"),
        minimum_recordings=3,
    ),
    Claim(
        "energy-boredom-varies",
        "3.3.3",
        "the highest differences were found for boredom state for both females and males",
        "the range of boredom is the widest for both genders",
        both_genders(5, "range"),
        highest_in("boredom"),
        minimum_recordings=3,
    ),
    Claim(
        "energy-female-anger-without-16",
        "3.3.3",
        "When omitted [speaker 16], the range drops from 7.7% to 4%",
        "the female range of anger without speaker 16 is at most 4.05 percentage points, of three recordings or more",
        (Row(TABLE_5_SET_ASIDE, "female", "range"),),
        between("anger", 0.0, 4.05),
        minimum_recordings=3,
    ),
    Claim(
        "energy-female-boredom-without-08",
        "3.3.3",
        "Without them [speaker 08], the range drops from 15.4% to 5.3% for boredom state",
        "the female range of boredom without speaker 08 is at most 5.35 percentage points, of three recordings or more",
        (Row(TABLE_5_SET_ASIDE, "female", "range"),),
        between("boredom", 0.0, 5.35),
        minimum_recordings=3,
    ),
    Claim(
        "energy-male-boredom-without-10",
        "3.3.3",
        "Without it [the sample of speaker 10], the distribution changed from 17% to 2.2%",
        "the male range of boredom without speaker 10 is at most 2.25 percentage points, of three recordings or more",
        (Row(TABLE_5_SET_ASIDE, "male", "range"),),
        between("boredom", 0.0, 2.25),
        minimum_recordings=3,
    ),
    Claim(
        "energy-male-neutral-without-15",
        "3.3.3",
        "than the three samples belonging to three different actors, whose range is 2.5%",
        "the male range of neutral without speaker 15 is at most 2.55 percentage points, of three recordings or more",
        (Row(TABLE_5_SET_ASIDE, "male", "range"),),
        between("neutral", 0.0, 2.55),
        minimum_recordings=3,
    ),
    Claim(
        "energy-female-steady-anger",
        "3.3.3",
        "Due to the observed and described deviations, in the case of females, the lowest the range of energy ratio "
        "changes falls to anger",
        "without the speakers set aside, the narrowest female range is in anger, emotions with fewer than three "
        "recordings left out",
        (Row(TABLE_5_SET_ASIDE, "female", "range"),),
        lowest_in("anger"),
        minimum_recordings=3,
    ),
    Claim(
        "energy-male-steady-boredom",
        "3.3.3",
        "while for males it is boredom state",
        "without the speakers set aside, the narrowest male range is in boredom, emotions with fewer than three "
        "recordings left out",
        (Row(TABLE_5_SET_ASIDE, "male", "range"),),
        lowest_in("boredom"),
        minimum_recordings=3,
    ),
    Claim(
        "energy-mostly-inside",
        "4",
        "the neural network mainly uses the areas ... which contains clusters of time-frequency units with the highest "
        "energy",
        "more than half of the energy lies inside the mask in every recording (which says little without the mask's "
        "area)",
        both_genders(5, "min"),
        all_between(50.0, 100.0),
    ),
)
