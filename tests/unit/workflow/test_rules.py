"""Each rule hands its script all that it takes, and nothing that Snakemake does not watch.

A value that stands in a command alone would change a result without running it again, and an option
that a rule leaves out would silently have its default.
"""

from __future__ import annotations

import ast
import re
import string
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from bandprobe.figures.gallery import gallery
from bandprobe.planning.jobs import ARRAYS
from bandprobe.study.config import load_config
from bandprobe.study.parse import parse_study
from bandprobe.workflow.summary_script import summary_parser

ROOT = Path(__file__).parents[3]
SOURCES = ("params", "input", "output", "wildcards", "resources", "threads")
# Rules without a digest of their code: their result is fixed by a hash, or is nothing but a check.
WITHOUT_CODE = {"fetch_wheel", "verify"}
# These need not be an option: a user's files that Snakemake cannot watch, a wheel's hash, other
# files that count as code. The rules that have them; "plot_" are those of all tables.
TRIGGERS = {
    "state": {"unpack_images", "make_manifest"},
    "weights_content": {"extract_features", "fit_head", "run_head"},
    "pin": {"fetch_wheel"},
    "style": {"plot_verdict", "plot_"},
    "page": {"write_report"},
}
# Parameters that are several options.
SEVERAL = {"shards": {"shards", "count", "split"}, "sums": {"sums", "slabs"}}
# Options that all scripts share: `--code`, and what a plan of the memory says.
SHARED = {"code", "memory", "blocks"}
# Options that a rule leaves out on purpose.
WITH_RESULTS = "heads have a result under each of their modes"
LEFT_OUT = {
    ("score_head", "undefined"): WITH_RESULTS,
    ("score_head", "refit"): WITH_RESULTS,
    ("score_head", "spectra"): "heads read maps that were never rounded for storage",
}


@dataclass(frozen=True)
class Rule:
    """A rule that calls a script."""

    name: str
    params: set[str]
    digest_of: str | None
    command: str

    @property
    def script(self) -> str:
        found = re.search(r'python "\$BANDPROBE"/(\w+)\.py ', self.command)
        assert found, self.name
        return found[1]

    @property
    def words(self) -> list[str]:
        """The words of the command after the script, before the log."""
        return self.command.split(".py ", 1)[1].removesuffix(" 2> {log}").split()


def rules() -> list[Rule]:
    """All rules that call a script, read without Snakemake."""
    found = []
    for path in sorted((ROOT / "rules").glob("*.smk")):
        for block in re.split(r"^ *rule\b", path.read_text(), flags=re.MULTILINE)[1:]:
            named = re.match(r" (\w+):|:\s+name:\s+f\"(\w+)\{", block)
            assert named, block[:80]
            params = re.search(r"\n( *)params:\n((?:\1 .*\n)+)", block)
            shell = re.search(r"\n( *)shell:\n((?:\1 +[\"'].*\n)+)", block)
            assert shell, block[:80]
            names = set(re.findall(r"^ +(\w+)=", params[2], re.MULTILINE)) if params else set()
            digest = re.search(r'code=code\("(\w+)"\)', params[2] if params else "")
            command = ast.literal_eval(f"({shell[2]})")
            name = named[1] or named[2]
            found.append(Rule(name, names, digest and digest[1], command))
    return found


every_rule = pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.name)


def fields(text: str) -> list[str]:
    """Names in braces: `params.code` of `{params.code:q}`."""
    return [name for _, name, _, _ in string.Formatter().parse(text) if name is not None]


def options_of(script: str) -> set[str]:
    """Options that a script takes, those that all share not among them."""
    tree = ast.parse((ROOT / "workflow" / "scripts" / f"{script}.py").read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args]
    firsts = [call.args[0] for call in calls]
    texts = [str(first.value) for first in firsts if isinstance(first, ast.Constant)]
    for call in calls:
        if isinstance(call.func, ast.Name) and call.func.id == summary_parser.__name__:
            shared = summary_parser(None, ast.literal_eval(call.args[1]), "")
            texts += [option for action in shared._actions for option in action.option_strings]
    options = {text.removeprefix("--") for text in texts if text.startswith("--")}
    return options - SHARED - {"help"}


def options_in(rule: Rule) -> set[str]:
    """Options that a command gives: `--name VALUE`, or a parameter that is an option itself."""
    options, after_option = set(), False
    for word in rule.words:
        if word.startswith("--"):
            options.add(word.removeprefix("--"))
            after_option = True
        elif not after_option:
            (name,) = fields(word)
            assert name.startswith("params."), f"{word} follows no option"
            option = name.removeprefix("params.")
            options |= SEVERAL.get(option, {option})
        else:
            after_option = False
    return options


def test_all_rules_are_found() -> None:
    text = "".join(path.read_text() for path in (ROOT / "rules").glob("*.smk"))
    assert len(rules()) == text.count("shell:") >= 20
    scripts = {rule.script for rule in rules()}
    assert {"extract_features", "fit_probes", "score_targets", "plot_figures"} <= scripts


@every_rule
def test_every_value_comes_from_what_snakemake_watches(rule: Rule) -> None:
    for word in rule.words:
        if word.startswith("--"):
            assert re.fullmatch(r"--[a-z-]+", word), word
        else:
            assert re.fullmatch(r"\{[^{}]+\}", word), f"{word} stands in the command alone"
            (name,) = fields(word)
            assert name.partition(".")[0] in SOURCES, word


@every_rule
def test_every_option_of_the_script_is_given(rule: Rule) -> None:
    given = options_in(rule)
    left_out = {option for name, option in LEFT_OUT if name == rule.name}
    assert given - SHARED == options_of(rule.script) - left_out
    assert left_out <= options_of(rule.script)


@every_rule
def test_jobs_that_are_planned_know_their_memory_and_blocks(rule: Rule) -> None:
    given = options_in(rule) & {"memory", "blocks"}
    assert given == ({"memory", "blocks"} if rule.name in ARRAYS else set())
    if given:
        assert {"resources.mem_mb", "resources.blocks"} <= set(fields(rule.command))


@every_rule
def test_every_parameter_is_used(rule: Rule) -> None:
    used = {name[7:] for name in fields(rule.command) if name.startswith("params.")}
    assert rule.params - TRIGGERS.keys() <= used <= rule.params


@every_rule
def test_files_that_snakemake_does_not_watch_are_parameters(rule: Rule) -> None:
    expected = {name for name, among in TRIGGERS.items() if rule.name in among}
    assert rule.params & TRIGGERS.keys() == expected
    # Weights may lie in a user's own file.
    assert ("weights" in rule.params) == ("weights_content" in expected)


@every_rule
def test_the_digest_is_that_of_the_script_that_runs(rule: Rule) -> None:
    assert rule.digest_of == (None if rule.name in WITHOUT_CODE else rule.script)


def test_short_jobs_share_a_submission_to_slurm() -> None:
    groups = yaml.safe_load((ROOT / "profiles" / "slurm" / "config.yaml").read_text())["groups"]
    # With all summaries that there can be.
    study = parse_study(load_config(ROOT / "config.yaml") | {"replicates": {"count": 1}})
    short = {rule.name for rule in rules() if rule.name.startswith("summarise_")}
    short |= {f"plot_{entry.table}" for entry in gallery(study).values()}
    short |= {"draw_explorer", "write_report"}
    assert {rule for rule, group in groups.items() if group == "summary"} == short
