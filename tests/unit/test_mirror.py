"""Every module of the package has unit tests at the mirrored path, or a stated reason why not."""

from __future__ import annotations

from pathlib import Path

HOME = Path(__file__).parents[2]
COMMANDS = "tests/workflow/test_commands.py runs the command on a finished study"
DRAWN = "tests/workflow/test_draw.py draws every figure of a finished study"
PAGE = "tests/report reads the page and its numbers, also in a browser"
LITERAL = "tests/workflow/test_tiny_study.py compares its results with the literal route"
SPECIFICATION = "tests/unit/workflow/test_params.py writes and reads it"
TINY = "tests/workflow/test_tiny_study.py looks at what the stage leaves"
# Modules without a mirror.
ELSEWHERE = {
    "__main__": "calls cli.main, which tests/unit/cli/test_run_study.py starts by this module",
    "backbones/axes": "tests/unit/planning/test_faults.py asks it about modules of real networks",
    "backbones/layers": "tests/unit/backbones/test_tracing.py reads layers of every kind with it",
    "backbones/layouts": "tests/unit/backbones/test_backbone.py reads every layout by a backbone",
    "backbones/model_spec": SPECIFICATION,
    "backbones/load": "tests/workflow runs every study by it; features and head load by it alone",
    "backbones/outline": "tests/unit/backbones/test_filling.py fills networks by their outlines",
    "backbones/state_dicts": "tests/unit/backbones/test_filling.py chooses among state dicts",
    "base/arrays": "names of types",
    "base/callables": "tests/unit/data/test_inputs.py imports a user's function",
    "cli/batch_layers": "tests/workflow/test_commands.py runs the script that calls it",
    "cli/compare_studies": COMMANDS,
    "cli/draw_figure": "tests/workflow/test_draw.py runs the command on a finished study",
    "cli/draw_kernels": "tests/workflow/test_draw.py runs the command on a finished study",
    "cli/draw_transfer": "tests/workflow/test_draw.py runs the command on a finished study",
    "cli/draw_verdict": "tests/workflow/test_draw.py runs the command on a finished study",
    "cli/export_results": "tests/workflow/test_export.py runs the command on a finished study",
    "cli/init_study": COMMANDS,
    "cli/inspect_file": COMMANDS,
    "cli/plan_study": "tests/workflow/test_plan.py runs it on whole studies",
    "cli/plot_spectrum": "tests/workflow/test_commands.py runs the script that calls it",
    "cli/run_intervention": "tests/workflow/test_commands.py runs the script that calls it",
    "cli/show_map": COMMANDS,
    "cli/verify_study": "tests/faults/test_verify.py runs it on damaged studies",
    "data/channel_images": "tests/unit/data/test_inputs.py reads images of many channels",
    "data/list_samples": "tests/unit/data/test_datasets.py lists the samples of every kind",
    "data/sample": "a row; test_shared_images.py sees which classes are lost",
    "features/join": "tests/unit/features/test_shards.py joins shards with it",
    "features/networks": "tests/unit/features/test_extract.py extracts with it",
    "figures/drawing": DRAWN,
    "figures/entry": "a specification without code",
    "figures/gallery": DRAWN,
    "figures/interactions": DRAWN,
    "figures/registry": DRAWN,
    "figures/replicates": "tests/workflow/test_replicates.py draws it in a finished study",
    "head/fit": "tests/workflow/test_head.py runs the heads of whole networks",
    "head/outcomes": "tests/workflow/test_head.py looks at the outcomes of whole networks",
    "head/run": "tests/workflow/test_head.py runs the heads of whole networks",
    "head/settings": SPECIFICATION,
    "inspection/contents": COMMANDS,
    "inspection/finished": COMMANDS,
    "inspection/map_figures": "tests/unit/inspection/test_one_map.py draws with it",
    "inspection/two_studies": COMMANDS,
    "interventions/additive": LITERAL,
    "interventions/compare_routes": "tests/workflow/test_default_study.py compares by it",
    "interventions/linear_modes": LITERAL,
    "interventions/outcome_writer": "tests/unit/interventions/test_outcome_store.py reads it",
    "interventions/outside_store": "tests/unit/probes/test_outside_masks.py reads what it writes",
    "interventions/perturb": LITERAL,
    "interventions/shapley": TINY,
    "interventions/targets": TINY,
    "linear/basis": "tests/unit/linear/test_probe.py fits in the coordinates of both kinds",
    "linear/estimators": "tests/unit/linear/test_probe.py fits with each of them",
    "linear/map_sums": "tests/unit/linear/test_coordinates.py adds up maps with it",
    "planning/ask_shapes": "tests/unit/workflow/test_job_layers.py asks it",
    "planning/limit": "tests/unit/workflow/test_run_memory.py asks it",
    "planning/map_shapes": "specifications; every other test of planning makes them",
    "planning/readout_memory": "tests/unit/planning/test_costs.py compares what it counts",
    "planning/layer": "tests/unit/planning/test_costs.py and test_probe_costs.py make layers",
    "planning/counts": "tests/workflow/test_plan.py counts samples of whole studies",
    "planning/shapes": "tests/workflow/test_plan.py compares shapes with stored arrays",
    "planning/tables": "tests/workflow/test_plan.py reads the printed plan",
    "probes/replicate_settings": SPECIFICATION,
    "probes/settings": SPECIFICATION,
    "probes/split": LITERAL,
    "probes/sums": "tests/unit/probes/test_slab_sums.py adds up slabs with it",
    "probes/write": TINY,
    "report/answer": PAGE,
    "report/context": PAGE,
    "report/explorer": PAGE,
    "report/findings": PAGE,
    "report/page": PAGE,
    "report/payload": PAGE,
    "report/sources": PAGE,
    "scoring/changed_outcomes": TINY,
    "scoring/fields": "names of fields",
    "scoring/fit_flags": "tests/unit/interventions/test_layer_outcomes.py carries the flag",
    "scoring/head_flags": "tests/unit/study/test_head_settings.py asks it for flags",
    "scoring/mask_records": "tests/unit/probes/test_outside_masks.py reads the targets",
    "scoring/network_flags": "tests/unit/interventions/test_layer_outcomes.py carries the flag",
    "study/parse": "tests/unit/study/test_study.py parses whole configurations",
    "figures/sheet": "tests/unit/figures/test_verdict.py measures what is drawn on it",
    "summary/axes": SPECIFICATION,
    "summary/probes": TINY,
    "summary/shapley": TINY,
    "summary/tables": TINY,
    "summary/verdict_sentences": "tests/unit/summary/test_verdict.py reads its sentences",
    "verify/study": "tests/faults/test_verify.py damages a study and sees what is found",
    "verify/summaries": "tests/faults/test_verify.py damages summaries and sees what is found",
    "workflow/ask_snakemake": "tests/workflow/test_draw.py sees that it leaves no trace",
    "workflow/run_snakemake": "tests/unit/workflow/test_status_line.py registers its plugin",
}


def modules() -> set[str]:
    package = HOME / "bandprobe"
    return {
        path.relative_to(package).with_suffix("").as_posix()
        for path in package.rglob("*.py")
        if path.name != "__init__.py"
    }


def is_mirrored(module: str) -> bool:
    path = HOME / "tests" / "unit" / module
    return path.with_name(f"test_{path.name}.py").is_file()


def test_every_module_has_a_mirror_or_a_reason() -> None:
    assert len(modules()) > 100
    missing = {module for module in modules() if not is_mirrored(module)}
    assert missing - set(ELSEWHERE) == set(), "write tests/unit/ROOM/test_MODULE.py"


def test_reasons_are_of_modules_that_have_no_mirror() -> None:
    assert set(ELSEWHERE) <= modules()
    assert [module for module in ELSEWHERE if is_mirrored(module)] == []


def test_files_that_reasons_name_exist() -> None:
    words = [word.strip(",") for reason in ELSEWHERE.values() for word in reason.split()]
    paths = {word for word in words if word.startswith("tests/")}
    assert paths
    assert [path for path in sorted(paths) if not (HOME / path).exists()] == []
