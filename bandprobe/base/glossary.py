"""What the words of a study mean, for the report, the help of the command and the documentation."""

from __future__ import annotations

# The first sentence of each stands alone.
GLOSSARY = {
    "band": "A range of radial spatial frequency, in units of Nyquist or in cycles per image. In "
    "units of Nyquist the same band corresponds to different cycles per image in layers of "
    "different resolution.",
    "mode": "What is done to a band, such as removing it. A mode is a kind with its parameters, "
    "under a name of your choice.",
    "fill": "What takes the place of a removed band: zero, or its mean over the training maps. "
    "The mean separates a loss of information from the effect of an unfamiliar input.",
    "readout": "What scores a map: a linear classifier fitted to it, or the rest of the network. "
    "The linear readouts are map, pattern, pooled, energy and refit; the others are head and "
    "head-ablated.",
    "target": "One result: one data set, model, layer, readout, mode and band. It is a JSON file "
    "with scores, intervals, a test and flags.",
    "group": "Samples that are not independent of each other, such as crops of one photo. A group "
    "is never divided between folds, and intervals never take its images for independent.",
    "pass": "One forward pass of a network, from which one or several layers are stored.",
    "layer": "A place in a network whose output is a map with channels, rows and columns. Patch "
    "tokens of a transformer are arranged on their grid.",
    "bin": "One frequency of the discrete Fourier transform of a map. A map of H x W positions "
    "has H x W bins; a band without any has no result there (N/A).",
    "DC": "The zero frequency: the spatial mean of a map. It lies in the lowest band and usually "
    "has most of the energy of a map after a ReLU.",
    "Nyquist": "The highest frequency that a grid can represent along one axis, here 1. The "
    "corners of the Fourier plane reach 1.414.",
    "cycles per image": "Frequency counted over the whole image rather than per position. It is "
    "comparable between layers of different resolution.",
    "energy": "The sum of squares of a map, which adds up over its bands. Energy per bin is 1 in "
    "every band for white noise, relative to the mean over all bins.",
    "drop": "Accuracy on untouched maps minus accuracy on changed maps. A positive drop means "
    "that the change does harm.",
    "ground-truth rank": "The position of the true class when all classes are sorted by logit. 1 "
    "is best; ties count half.",
    "margin": "The logit of the true class minus the highest other logit.",
    "interval": "The range in which the mean over many more images would probably lie. An accuracy "
    "has one within 0 and 1; a drop has that of the difference, taken image by image.",
    "independent unit": "What intervals and tests take for independent: a group of images, or all "
    "images of a class. Units of unequal size are worth less than as many equal ones.",
    "control": "The same change made to random sets of frequencies, with as many bins, as much "
    "energy or as much variance between images as the band. If both do the same harm, the "
    "frequency of the band does not matter.",
    "flag": "A reason why the number of a target is missing, forced, or needs caution.",
    "forced": "Fixed by construction: the value follows from what the readout can see. It would "
    "be the same for any network and is not a finding.",
    "Shapley value": "The contribution of a band to a score, averaged over all orders of adding "
    "the bands. The values of all bands add up to the score of the map minus that without any "
    "band.",
    "interaction": "How much more two bands bring together than one by one, averaged over what "
    "else is present. Above zero they complement each other; below zero each can stand in for the "
    "other.",
    "pattern": "The readout of the map without the spatial mean of each channel: what the shape of "
    "a map tells, whatever its level. It does not see DC.",
    "pooled": "The readout of the spatial mean of each channel, which sees DC only.",
    "refit": "The readout that is fitted again on changed maps. It shows what is still available, "
    "where a frozen readout shows what is used.",
    "head": "The rest of the network, from the layer to its logits, as a readout. With head-"
    "ablated the prefix tokens are replaced as well.",
    "prefix tokens": "Tokens of a transformer that belong to no patch: class token and registers.",
}
# In the order in which a reader meets them.
FIRST_TERMS = ("band", "mode", "fill", "readout", "target", "group", "pass")


def first_sentence(term: str) -> str:
    """The meaning of a term in one sentence, without the full stop."""
    return GLOSSARY[term].split(". ")[0].rstrip(".")
