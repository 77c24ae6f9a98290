"""Flags of how a readout was fitted."""

from __future__ import annotations

PENALTY_AT_END = "penalty-at-the-end"
