"""What a wheel carries beside the package: the workflow, which lies at the root of a checkout."""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

WORKFLOW = ("Snakefile", "config.yaml", "configs", "envs", "profiles", "rules", "workflow")


class CarryWorkflow(BuildHookInterface):
    """Puts the workflow where `bandprobe.workflow.home` looks for it.

    Not into an editable install, which is a path to the checkout: a copy would go stale.
    """

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the files before the wheel is built."""
        if version != "editable":
            build_data["force_include"] |= {
                name: f"bandprobe/_snakemake/{name}" for name in WORKFLOW
            }
