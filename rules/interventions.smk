# Outcomes of every mode, and one file a target.
# in:  band logits; for phase changes the evaluation features and the readout too
# out: results/<dataset>/outcomes/<model>/<layer>/<readout>/<mode>.zarr,
#      results/<dataset>/targets/<model>/<layer>/<readout>/<mode>/<band>.json


if LINEAR_MODES:

    # All modes that are linear in the map are sums of the same band logits: one short job.
    rule intervene_linear:
        input:
            digest=digest(Paths.LOGITS),
            logits=ancient(Paths.LOGITS),
        output:
            outcomes=directory(outcomes_of(LINEAR_MODES)),
            digests=[digest(path) for path in outcomes_of(LINEAR_MODES)],
        log:
            "logs/{dataset}/intervene_linear/{model}/{layer}/{readout}.log",
        conda:
            ENVIRONMENT
        resources:
            mem_mb=500,
        params:
            code=code("intervene_linear"),
            modes=modes_spec(LINEAR_MODES),
        message:
            "{wildcards.dataset}: linear modes, {wildcards.readout} of {wildcards.model} {wildcards.layer}"
        shell:
            "python $BANDPROBE/intervene_linear.py --code {params.code} --logits {input.logits}"
            " --modes {params.modes:q} --output {output.outcomes} 2> {log}"

    rule score_linear:
        input:
            digests=[digest(path) for path in outcomes_of(LINEAR_MODES)],
            outcomes=ancient(outcomes_of(LINEAR_MODES)),
        output:
            targets_of(LINEAR_MODES),
        log:
            "logs/{dataset}/score_linear/{model}/{layer}/{readout}.log",
        conda:
            ENVIRONMENT
        resources:
            mem_mb=500,
        params:
            code=code("score_targets"),
            axes=readout_axes,
            statistics=statistics_spec(),
            folder=target_folder,
        message:
            "{wildcards.dataset}: score linear modes, {wildcards.readout} of {wildcards.model} {wildcards.layer}"
        shell:
            "python $BANDPROBE/score_targets.py --code {params.code} --outcomes {input.outcomes}"
            " --axes {params.axes:q} --statistics {params.statistics:q} --output {params.folder}"
            " 2> {log}"


rule intervene_phase:
    input:
        digest=digest(Paths.LOGITS),
        logits=ancient(Paths.LOGITS),
        features_digest=eval_digest,
        features=ancient(eval_features),
        probe_digest=digest(Paths.PROBE),
        probe=ancient(Paths.PROBE),
    output:
        outcomes=directory(Paths.OUTCOMES),
        digest=digest(Paths.OUTCOMES),
    log:
        "logs/{dataset}/intervene_phase/{model}/{layer}/{readout}/{mode}.log",
    benchmark:
        "logs/{dataset}/intervene_phase/{model}/{layer}/{readout}/{mode}.tsv"
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
        "{wildcards.dataset}: {wildcards.mode}, {wildcards.readout} of {wildcards.model} {wildcards.layer}"
    shell:
        "python $BANDPROBE/intervene_phase.py --code {params.code} --logits {input.logits} --features {input.features}"
        " --layer {wildcards.layer} --probe {input.probe} --bands {params.bands:q}"
        " --mode {params.mode:q} --output {output.outcomes} 2> {log}"


rule score_phase:
    input:
        digest=digest(Paths.OUTCOMES),
        outcomes=ancient(Paths.OUTCOMES),
    output:
        expand(Paths.TARGET, band=STUDY.bands.names, allow_missing=True),
    log:
        "logs/{dataset}/score_phase/{model}/{layer}/{readout}/{mode}.log",
    wildcard_constraints:
        mode=one_of(PHASE_MODES),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=500,
    params:
        code=code("score_targets"),
        axes=readout_axes,
        statistics=statistics_spec(),
        folder=target_folder,
    message:
        "{wildcards.dataset}: score {wildcards.mode}, {wildcards.readout} of {wildcards.model} {wildcards.layer}"
    shell:
        "python $BANDPROBE/score_targets.py --code {params.code} --outcomes {input.outcomes}"
        " --axes {params.axes:q} --statistics {params.statistics:q} --output {params.folder}"
        " 2> {log}"
