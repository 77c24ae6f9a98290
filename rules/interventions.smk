# Outcomes of every mode, and one file a target. A job serves all readouts of a layer: what it reads,
# and the noise that it draws, is the same for all.
# in:  band logits; for phase changes the evaluation features and the readouts too
# out: results/<dataset>/outcomes/<model>/<layer>/<readout>/<mode>.zarr,
#      results/<dataset>/targets/<model>/<layer>/<readout>/<mode>/<band>.json


if LINEAR_MODES:

    # All modes that are linear in the map are sums of the same band logits: one short job.
    rule intervene_linear:
        input:
            digests=[digest(path) for path in LOGITS],
            logits=ancient(LOGITS),
        output:
            outcomes=directory(outcomes_of(LINEAR_MODES)),
            digests=[digest(path) for path in outcomes_of(LINEAR_MODES)],
        log:
            "logs/{dataset}/intervene_linear/{model}/{layer}.log",
        conda:
            ENVIRONMENT
        resources:
            mem_mb=500,
        params:
            code=code("intervene_linear"),
            modes=modes_spec(LINEAR_MODES),
        message:
            "{wildcards.dataset}: linear modes of {wildcards.model} {wildcards.layer}"
        shell:
            "python $BANDPROBE/intervene_linear.py --code {params.code} --logits {input.logits}"
            " --modes {params.modes:q} --output {output.outcomes} 2> {log}"


rule intervene_phase:
    input:
        digests=[digest(path) for path in LOGITS],
        logits=ancient(LOGITS),
        features_digest=eval_digest,
        features=ancient(eval_features),
        probe_digests=[digest(path) for path in PROBES],
        probes=ancient(PROBES),
    output:
        outcomes=directory(outcomes_of("{mode}")),
        digests=[digest(path) for path in outcomes_of("{mode}")],
    log:
        "logs/{dataset}/intervene_phase/{model}/{layer}/{mode}.log",
    benchmark:
        "logs/{dataset}/intervene_phase/{model}/{layer}/{mode}.tsv"
    wildcard_constraints:
        mode=one_of(PHASE_MODES),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=1500,
    params:
        code=code("intervene_phase"),
        mode=mode_spec,
        bands=bands_spec(),
    message:
        "{wildcards.dataset}: {wildcards.mode} of {wildcards.model} {wildcards.layer}"
    shell:
        "python $BANDPROBE/intervene_phase.py --code {params.code} --logits {input.logits} --features {input.features}"
        " --layer {wildcards.layer} --probe {input.probes} --bands {params.bands:q}"
        " --mode {params.mode:q} --output {output.outcomes} 2> {log}"


rule score_targets:
    input:
        digests=[digest(path) for path in outcomes_of(STUDY.modes)],
        outcomes=ancient(outcomes_of(STUDY.modes)),
    output:
        targets_of_layer(),
    log:
        "logs/{dataset}/score_targets/{model}/{layer}.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=500,
    params:
        code=code("score_targets"),
        axes=layer_axes,
        statistics=statistics_spec(),
        folder=target_folder,
    message:
        "{wildcards.dataset}: score the targets of {wildcards.model} {wildcards.layer}"
    shell:
        "python $BANDPROBE/score_targets.py --code {params.code} --outcomes {input.outcomes}"
        " --axes {params.axes:q} --statistics {params.statistics:q} --output {params.folder}"
        " 2> {log}"
