"""bandprobe: which spatial frequencies does a layer hold, and which does a readout use?"""

from snakemake.utils import min_version

min_version("9.0")


# A configuration given with --configfile stands alone; it is not merged into the default one.
if not workflow.overwrite_configfiles:

    configfile: "config.yaml"


include: "rules/common.smk"
include: "rules/assets.smk"
include: "rules/data.smk"
include: "rules/features.smk"
include: "rules/spectra.smk"
include: "rules/probes.smk"
include: "rules/interventions.smk"
include: "rules/head.smk"
include: "rules/summary.smk"
include: "rules/figures.smk"
include: "rules/report.smk"


# Not sent to other machines: what only asks for files, what needs the network, what takes no time.
localrules:
    all,
    manifests,
    features,
    spectra,
    probes,
    interventions,
    head,
    summaries,
    fetch_wheel,
    write_config,
    report,
    verify,


# The whole study.
rule all:
    default_target: True
    input:
        resolved_configs(),
        all_targets(),
        all_head(),
        all_summaries(),
        all_figures(),
        all_reports(),
    message:
        "The study is complete"


# Stage targets: `snakemake spectra` stops after that stage.
rule manifests:
    input:
        all_manifests(),


rule features:
    input:
        all_features(),


rule spectra:
    input:
        all_spectra(),
        spectral_figures(),


rule probes:
    input:
        all_probes(),


rule interventions:
    input:
        all_targets(),


rule head:
    input:
        all_head(),


rule summaries:
    input:
        all_summaries(),


rule report:
    input:
        all_reports(),


# Whether all that the study has left on disk is whole, and follows from what came before.
rule verify:
    log:
        "logs/verify.log",
    conda:
        ENVIRONMENT
    params:
        config=as_json(STUDY.resolved),
    message:
        "Verify what is on disk"
    shell:
        "python $BANDPROBE/verify_study.py --config {params.config:q} 2> {log}"


onstart:
    prepare_results()
    pace_local_jobs()


onsuccess:
    print(closing_lines(finished=True))


onerror:
    print(closing_lines(finished=False))
