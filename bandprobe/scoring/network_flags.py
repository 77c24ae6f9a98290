"""Flags of all results of a network."""

from __future__ import annotations

WEIGHTS_UNTRAINED = "weights-untrained"
