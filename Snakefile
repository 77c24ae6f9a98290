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
include: "rules/replicates.smk"
include: "rules/head.smk"
include: "rules/summary.smk"
include: "rules/captions.smk"
include: "rules/figures.smk"
include: "rules/explorer.smk"
include: "rules/report.smk"
include: "rules/verify.smk"


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
        of_study(
            targets.config,
            targets.interventions,
            targets.heads,
            targets.summaries,
            targets.figures,
            targets.report,
        ),
    message:
        "The study is complete"


# Stage targets: `snakemake spectra` stops after that stage.
rule manifests:
    input:
        of_study(targets.manifest),


rule features:
    input:
        of_study(targets.features),


rule spectra:
    input:
        of_study(targets.spectra, targets.spectral_figures),


rule probes:
    input:
        of_study(targets.probes),


rule interventions:
    input:
        of_study(targets.interventions),


rule head:
    input:
        of_study(targets.heads),


rule summaries:
    input:
        of_study(targets.summaries),


rule report:
    input:
        of_study(targets.report),


onstart:
    start_run()


onsuccess:
    print(*closing_lines(STUDY, finished=True), sep="\n")


onerror:
    print(*closing_lines(STUDY, finished=False, log=log), sep="\n")
