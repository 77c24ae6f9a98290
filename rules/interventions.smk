# Outcomes of every mode, and one file a target. A job serves all readouts of a layer: what it reads,
# and the noise that it draws, is the same for all.
# in:  band logits, refitted readouts; for random modes the evaluation features, readouts, masks too
# out: results/<dataset>/outcomes/<model>/<layer>/<readout>/<mode>.zarr,
#      results/<dataset>/shapley/<model>/<layer>/<readout>.zarr,
#      results/<dataset>/targets/<model>/<layer>/<readout>/<mode>/<band>.json


if LINEAR_MODES or SHAPLEY:

    # All modes that are linear in the map are sums of the same band logits: one short job.
    rule intervene_linear:
        input:
            digests=[digest(path) for path in LOGITS + REFIT],
            logits=ancient(LOGITS),
            refit=ancient(REFIT),
        output:
            outcomes=directory(outcomes_of(LINEAR_MODES)),
            refit=directory(REFIT_OUTCOMES),
            shapley=directory(SHAPLEY),
            digests=[
                digest(path)
                for path in outcomes_of(LINEAR_MODES) + REFIT_OUTCOMES + SHAPLEY
            ],
        log:
            "logs/{dataset}/intervene_linear/{model}/{layer}.log",
        benchmark:
            "logs/{dataset}/intervene_linear/{model}/{layer}.tsv"
        conda:
            ENVIRONMENT
        resources:
            mem_mb=by_attempt(500),
        params:
            code=code("intervene_linear"),
            modes=modes_spec(LINEAR_MODES),
            fill=STUDY.shapley_fill,
        message:
            "{wildcards.dataset}: linear modes of {wildcards.model} {wildcards.layer}"
        shell:
            "python $BANDPROBE/intervene_linear.py --code {params.code} --logits {input.logits}"
            " --refit {input.refit}"
            " --modes {params.modes:q} --fill {params.fill} --output {output.outcomes}"
            " --refit-output {output.refit} --shapley-output {output.shapley} 2> {log}"


rule intervene_random:
    input:
        digests=[digest(path) for path in LOGITS],
        logits=ancient(LOGITS),
        features_digest=eval_digest,
        features=ancient(eval_features),
        probe_digests=[digest(path) for path in ADDITIVE_PROBES],
        probes=ancient(ADDITIVE_PROBES),
        masks_digest=[digest(path) for path in MASKS],
        masks=ancient(MASKS),
    output:
        outcomes=directory(outcomes_of("{mode}")),
        digests=[digest(path) for path in outcomes_of("{mode}")],
    log:
        "logs/{dataset}/intervene_random/{model}/{layer}/{mode}.log",
    benchmark:
        "logs/{dataset}/intervene_random/{model}/{layer}/{mode}.tsv"
    wildcard_constraints:
        mode=one_of(RANDOM_MODES),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=by_attempt(1500),
        device=STUDY.device,
    params:
        code=code("intervene_random"),
        mode=mode_spec,
        bands=bands_spec(),
    message:
        "{wildcards.dataset}: {wildcards.mode} of {wildcards.model} {wildcards.layer}"
    shell:
        "python $BANDPROBE/intervene_random.py --code {params.code} --device {resources.device} --logits {input.logits}"
        " --features {input.features} --layer {wildcards.layer} --probe {input.probes}"
        " --masks {input.masks} --bands {params.bands:q}"
        " --mode {params.mode:q} --output {output.outcomes} 2> {log}"


rule score_targets:
    input:
        digests=[digest(path) for path in outcomes_of(STUDY.modes) + REFIT_OUTCOMES],
        outcomes=ancient(outcomes_of(STUDY.modes) + REFIT_OUTCOMES),
    output:
        targets_of_layer(),
    log:
        "logs/{dataset}/score_targets/{model}/{layer}.log",
    benchmark:
        "logs/{dataset}/score_targets/{model}/{layer}.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=by_attempt(500),
    params:
        code=code("score_targets"),
        axes=layer_axes,
        statistics=statistics_spec(),
        undefined=undefined_outcomes(),
        folder=output_folder(3),
    message:
        "{wildcards.dataset}: score the targets of {wildcards.model} {wildcards.layer}"
    shell:
        "python $BANDPROBE/score_targets.py --code {params.code} --outcomes {input.outcomes}"
        " --undefined {params.undefined} --axes {params.axes:q}"
        " --statistics {params.statistics:q} --output {params.folder} 2> {log}"
