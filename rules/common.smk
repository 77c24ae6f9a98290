"""What all rules share and Snakemake alone can do; the rest is in bandprobe/workflow."""

import atexit
import os
import re
import sys
from functools import partial
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.settings.types import DeploymentMethod

from bandprobe.data.assets import ASSETS
from bandprobe.errors import BandprobeError
from bandprobe.figures.gallery import VERDICT, gallery
from bandprobe.study.parse import parse_study
from bandprobe.study.paths import SPLITS, Paths, fill
from bandprobe.study.repeated_keys import refuse_repeated_keys
from bandprobe.workflow import stores, study_params, targets
from bandprobe.workflow.closing import closing_lines
from bandprobe.workflow.code import PACKAGE, digest_when_asked, files_digest
from bandprobe.workflow.environment import job_environment
from bandprobe.workflow.params import as_json
from bandprobe.workflow.resources import DECODING_MB, EARLY, drawing_threads
from bandprobe.workflow.resources import decoding_threads, forward_threads
from bandprobe.workflow.run_memory import plan_memory
from bandprobe.workflow.startup import prepare_results
from bandprobe.workflow.versions import version_lines

HOME = Path(workflow.basedir)
# Braces are doubled: Snakemake looks for wildcards in this path.
ENVIRONMENT = re.sub("[{}]", r"\g<0>\g<0>", str(HOME / "envs" / "bandprobe.yaml"))

try:
    refuse_repeated_keys(workflow.configfiles)
    STUDY = parse_study(config)
except BandprobeError as error:
    raise WorkflowError(str(error))

uses_conda = DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method
os.environ.update(
    job_environment(
        os.environ,
        HOME,
        interpreter=None if uses_conda else Path(sys.executable),
        terminal=os.ttyname(2) if workflow.local_exec and os.isatty(2) else "",
        memory=STUDY.scale.memory,
    )
)
MEMORY = plan_memory(STUDY, workflow)

atexit.register(lambda: workflow.dryrun or study_params.keep_what_was_read())


def one_of(names):
    """A regular expression for exactly these names."""
    return "|".join(re.escape(name) for name in names) or "(?!)"


wildcard_constraints:
    dataset=one_of(STUDY.datasets),
    model=one_of(STUDY.models),
    layer="[^/]+",
    readout=one_of(STUDY.readouts),
    mode=one_of(STUDY.modes),
    band=one_of(STUDY.bands.names),
    passname="pass-[0-9]+",
    split=one_of(SPLITS),
    asset=one_of(ASSETS),
    table=one_of(targets.tables(STUDY)),


def code(script):
    """Digest of a script and of the modules that it uses, so that an edit runs its stage again."""
    return digest_when_asked(HOME / "workflow" / "scripts" / f"{script}.py")


def of_job(function):
    """A function of the study and of a job's wildcards, as Snakemake calls it."""
    return partial(function, STUDY)


def json_of_job(function):
    """The same, of a value that a script takes as JSON."""
    return lambda wildcards: as_json(function(STUDY, wildcards))


def of_dataset(stage):
    """The files of a stage, of the data set of a job."""
    return lambda wildcards: stage(STUDY, wildcards.dataset)


def of_study(*stages):
    """The files of some stages, of all data sets."""
    return targets.of_all_datasets(STUDY, *stages)


def temp_if_sharded(paths):
    """Shards are temporary: the store that joins them has their chunks."""
    return temp(paths) if stores.is_sharded(STUDY) else paths


def weights_input(wildcards):
    """What a network's job waits for: weights, which count by their content."""
    files = [ancient(local(path)) for path in stores.user_weights(STUDY, wildcards)]
    return files or stores.asset_weights_digests(STUDY, wildcards)


def threads_by_place(function, name):
    """Threads of jobs by a wildcard and by where they run, for a function as `forward_threads`."""
    return lambda wildcards: function(
        STUDY,
        wildcards[name],
        workflow.cores,
        is_remote=workflow.remote_exec or not workflow.local_exec,
        max_threads=workflow.resource_settings.max_threads,
    )


network_threads = threads_by_place(forward_threads, "model")


def input_folder(levels):
    """The folder some levels above a job's first input, where Snakemake has put it: in object storage
    that is not where its name says."""
    return lambda wildcards, input: stores.folder_above(input[0], levels)


def output_folder(levels):
    """The same of its first output."""
    return lambda wildcards, output: stores.folder_above(output[0], levels)


def start_run():
    """End at once where nothing can be written; verifying does not write. Name features of other versions.

    Where jobs run on this machine, Snakemake's limit on submissions is taken away: each finished job
    starts a timer that looks for free slots once a second and renews itself, and with hundreds of
    short jobs the scheduler takes a core for itself, to protect nobody from submissions.
    """
    if any(job.output for job in workflow.dag.needrun_jobs()):
        try:
            prepare_results(Path.cwd())
            MEMORY.refuse_what_does_not_fit(workflow.dag.needrun_jobs())
        except BandprobeError as error:
            raise WorkflowError(str(error))
    for line in version_lines(STUDY):
        print(line, file=sys.stderr)
    if workflow.local_exec and getattr(workflow, "scheduler", None) is not None:
        workflow.scheduler.job_rate_limiter = None
