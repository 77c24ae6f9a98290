"""Flags of a target: why its number is missing, forced by construction, or needs caution."""

from __future__ import annotations

from bandprobe.scoring.fit_flags import PENALTY_AT_END
from bandprobe.scoring.head_flags import NO_PREFIX_TOKENS, PREFIX_BYPASS
from bandprobe.scoring.network_flags import WEIGHTS_UNTRAINED

EMPTY_BAND = "empty-band"
NOT_DEFINED = "not-defined"
BLIND = "structural:readout-blind"
NOTHING_LEFT = "structural:nothing-left"
NOTHING_CHANGED = "structural:nothing-changed"
NO_BETTER_THAN_CHANCE = "clean-not-above-chance"
CONTROL_IS_BAND = "control-is-the-band"
NO_EQUAL_BINS = "no-equal-bins-masks"
NO_EQUAL_ENERGY = "no-equal-energy-masks"
NO_EQUAL_VARIANCE = "no-equal-variance-masks"
TOP5_FORCED = "top5-forced"
BELOW_ROUNDING = "below-rounding"
ABOVE_SOURCE = "above-source-resolution"
CUT_BY_NYQUIST = "cut-by-nyquist"
FEW_GROUPS = "few-groups"
DISAGREE = "rule-and-numbers-disagree"
FLAG_MEANINGS = {
    EMPTY_BAND: "no frequency bin of this grid lies in the band: N/A, which does not mean no drop",
    NOT_DEFINED: "the readout has no result under this mode: N/A",
    BLIND: "the readout has no weight in what is changed, so nothing changes by construction",
    NOTHING_LEFT: "the readout has no weight in what is left: all images get the same logits",
    NOTHING_CHANGED: "the mode changes nothing here: no band is removed, or no phase can change",
    PREFIX_BYPASS: "prefix tokens (CLS, registers) were kept, and what was in the band can reach "
    f"the head through them: the loss is a lower bound; together with {BLIND} the bypass is total, "
    "and no logit of any image changes",
    NO_PREFIX_TOKENS: "the layer has no prefix tokens to ablate: same numbers as the readout head",
    NO_BETTER_THAN_CHANCE: "the interval of the clean accuracy includes chance or lies below it",
    CONTROL_IS_BAND: "the random masks change exactly the bins that the mode changes, as far as "
    "the readout sees them: the control says nothing",
    NO_EQUAL_BINS: "the band has more than half of all bins but DC, or hardly any set of bins "
    "outside it has as many: no control by masks with as many bins",
    NO_EQUAL_ENERGY: "the band has more than half of the energy, or hardly any set of bins outside "
    "it has as much: no control by masks with as much energy",
    NO_EQUAL_VARIANCE: "the band has more than half of the variance between images, or hardly any "
    "set of bins outside it has as much: no control by masks with as much variance",
    PENALTY_AT_END: "cross-validation chose a penalty at an end of the list: a value beyond it "
    "might be better",
    WEIGHTS_UNTRAINED: "the weights are said to be trained, but all batch statistics are as they "
    "were initialised: the network has never seen an image",
    TOP5_FORCED: "there are five classes or fewer, so the top-5 accuracy is 1 by construction",
    BELOW_ROUNDING: "at least half of the band's energy is the rounding of the stored maps, so "
    "what is read there says nothing about the band",
    ABOVE_SOURCE: "the images were enlarged to the network's input, and at least a quarter of the "
    "band's bins lie above their own Nyquist frequency: there the input holds interpolation alone",
    CUT_BY_NYQUIST: "the layer's Nyquist frequency lies in the band (bands in cycles per image): "
    "this layer has a part of the band only, and the corners of the Fourier plane count there",
    FEW_GROUPS: "the images are worth fewer than five independent groups of equal size: intervals "
    "are wide, and no interval or test can be relied on",
    DISAGREE: "the rule says that the value is forced and the numbers do not, or the reverse",
}
# By the kind of masks outside the band.
NO_MASKS = {
    "equal-bins": NO_EQUAL_BINS,
    "equal-energy": NO_EQUAL_ENERGY,
    "equal-variance": NO_EQUAL_VARIANCE,
}
STRUCTURAL = (BLIND, NOTHING_LEFT, NOTHING_CHANGED)
# With one of these a target has no value.
MISSING = (EMPTY_BAND, NOT_DEFINED)
