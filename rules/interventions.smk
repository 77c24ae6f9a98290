"""Outcomes of every mode, and one file for each target.

A job serves all readouts of a layer: what it reads, and the noise that it draws, is the same for all.

in:  band logits, refitted readouts, spectra; for random modes the evaluation features, readouts, masks too
out: results/<dataset>/outcomes/<model>/<layer>/<readout>/<mode>.zarr,
     results/<dataset>/shapley/<model>/<layer>/<readout>.zarr,
     results/<dataset>/targets/<model>/<layer>/<readout>/<mode>/<band>.json
"""

linear_outcomes = stores.outcomes(STUDY, stores.linear_modes(STUDY))
all_outcomes = stores.outcomes(STUDY, STUDY.modes) + stores.refit_outcomes(STUDY)


if stores.linear_modes(STUDY) or stores.shapley(STUDY):

    # All modes that are linear in the map are sums of the same band logits: one short job.
    rule intervene_linear:
        input:
            digests=Paths.digests(stores.band_logits(STUDY) + stores.refits(STUDY)),
            logits=ancient(stores.band_logits(STUDY)),
            refit=ancient(stores.refits(STUDY)),
        output:
            outcomes=directory(linear_outcomes),
            refit=directory(stores.refit_outcomes(STUDY)),
            shapley=directory(stores.shapley(STUDY)),
            digests=Paths.digests(
                linear_outcomes + stores.refit_outcomes(STUDY) + stores.shapley(STUDY)
            ),
        log:
            "logs/{dataset}/intervene_linear/{model}/{layer}.log",
        benchmark:
            "logs/{dataset}/intervene_linear/{model}/{layer}.tsv"
        conda:
            ENVIRONMENT
        resources:
            mem_mb=MEMORY.megabytes("intervene_linear", 500),
            blocks=MEMORY.blocks("intervene_linear"),
        params:
            code=code("intervene_linear"),
            modes=as_json(study_params.modes(STUDY, stores.linear_modes(STUDY))),
            fill=STUDY.shapley_fill,
        message:
            "{wildcards.dataset}: linear modes of {wildcards.model} {wildcards.layer}"
        shell:
            'python "$BANDPROBE"/intervene_linear.py --code {params.code} --memory {resources.mem_mb} --blocks {resources.blocks} --logits {input.logits}'
            " --refit {input.refit}"
            " --modes {params.modes:q} --fill {params.fill} --output {output.outcomes}"
            " --refit-output {output.refit} --shapley-output {output.shapley} 2> {log}"


rule intervene_random:
    input:
        digests=Paths.digests(stores.band_logits(STUDY)),
        logits=ancient(stores.band_logits(STUDY)),
        features_digest=of_job(stores.eval_digest),
        features=ancient(of_job(stores.eval_features)),
        probe_digests=Paths.digests(stores.additive_probes(STUDY)),
        probes=ancient(stores.additive_probes(STUDY)),
        masks_digest=Paths.digests(stores.masks(STUDY)),
        masks=ancient(stores.masks(STUDY)),
    output:
        outcomes=directory(stores.outcomes(STUDY, "{mode}")),
        digests=Paths.digests(stores.outcomes(STUDY, "{mode}")),
    log:
        "logs/{dataset}/intervene_random/{model}/{layer}/{mode}.log",
    benchmark:
        "logs/{dataset}/intervene_random/{model}/{layer}/{mode}.tsv"
    wildcard_constraints:
        mode=one_of(stores.random_modes(STUDY)),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=MEMORY.megabytes("intervene_random", 1500),
        blocks=MEMORY.blocks("intervene_random"),
        device=STUDY.device,
    params:
        code=code("intervene_random"),
        mode=json_of_job(study_params.mode_of_job),
        bands=as_json(STUDY.bands),
    message:
        "{wildcards.dataset}: {wildcards.mode} of {wildcards.model} {wildcards.layer}"
    shell:
        'python "$BANDPROBE"/intervene_random.py --code {params.code} --memory {resources.mem_mb} --blocks {resources.blocks} --device {resources.device} --logits {input.logits}'
        " --features {input.features} --layer {wildcards.layer} --probe {input.probes}"
        " --masks {input.masks} --bands {params.bands:q}"
        " --mode {params.mode:q} --output {output.outcomes} 2> {log}"


rule score_targets:
    input:
        digests=Paths.digests(
            all_outcomes + stores.unscored_refits(STUDY) + [Paths.SPECTRA]
        ),
        outcomes=ancient(all_outcomes),
        refit=ancient(stores.unscored_refits(STUDY)),
        spectra=ancient(Paths.SPECTRA),
    output:
        stores.layer_targets(STUDY),
    log:
        "logs/{dataset}/score_targets/{model}/{layer}.log",
    benchmark:
        "logs/{dataset}/score_targets/{model}/{layer}.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=MEMORY.megabytes("score_targets", 500),
        blocks=MEMORY.blocks("score_targets"),
    params:
        code=code("score_targets"),
        axes=json_of_job(study_params.layer_axes),
        statistics=as_json(STUDY.statistics),
        undefined=" ".join(stores.undefined_outcomes(STUDY)),
        folder=output_folder(3),
    message:
        "{wildcards.dataset}: score the targets of {wildcards.model} {wildcards.layer}"
    shell:
        'python "$BANDPROBE"/score_targets.py --code {params.code} --memory {resources.mem_mb} --blocks {resources.blocks} --outcomes {input.outcomes}'
        " --spectra {input.spectra} --refit {input.refit} --undefined {params.undefined} --axes {params.axes:q}"
        " --statistics {params.statistics:q} --output {params.folder} 2> {log}"
