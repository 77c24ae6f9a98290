# Readouts of one layer, and their logits split into bands. A job serves all readouts: they share the
# maps that it reads, and their Fourier transform.
# in:  features of both splits, manifest, folds
# out: results/<dataset>/probes/<model>/<layer>/<readout>.zarr, band_logits likewise;
#      results/<dataset>/controls/<model>/<layer>.zarr: the random masks that logits are split into too


if SUMS:

    rule sum_slab:
        input:
            train_digest=train_digest,
            train=ancient(train_features),
            eval_digest=eval_digest,
            eval=ancient(eval_features),
        output:
            sums=temp(directory(Paths.SUMS)),
            digest=temp(digest(Paths.SUMS)),
        log:
            "logs/{dataset}/sum_slab/{model}/{layer}/{slab}.log",
        benchmark:
            "logs/{dataset}/sum_slab/{model}/{layer}/{slab}.tsv"
        conda:
            ENVIRONMENT
        resources:
            mem_mb=by_attempt(2000),
            device=STUDY.device,
        params:
            code=code("sum_slab"),
            bands=slab_bands_option(),
            slabs=STUDY.scale.slabs,
        message:
            "{wildcards.dataset}: sums of {wildcards.model} {wildcards.layer}, slab {wildcards.slab}"
        shell:
            "python $BANDPROBE/sum_slab.py --code {params.code} --device {resources.device} --train {input.train}"
            " --eval {input.eval} --layer {wildcards.layer} {params.bands}"
            " --slab $((10#{wildcards.slab})) {params.slabs} --output {output.sums} 2> {log}"


rule fit_probes:
    input:
        train_digest=train_digest,
        train=ancient(train_features),
        eval_digest=eval_digest,
        eval=ancient(eval_features),
        manifest_digest=digest(Paths.MANIFEST),
        manifest=ancient(Paths.MANIFEST),
        folds_digest=digest(Paths.FOLDS),
        folds=ancient(Paths.FOLDS),
        sums_digests=[digest(path) for path in SUMS],
        sums=ancient(SUMS),
    output:
        probes=directory(PROBES),
        digests=[digest(path) for path in PROBES],
    log:
        "logs/{dataset}/fit_probes/{model}/{layer}.log",
    benchmark:
        "logs/{dataset}/fit_probes/{model}/{layer}.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=by_attempt(2000),
        device=STUDY.device,
    params:
        code=code("fit_probes"),
        readouts=" ".join(STUDY.readouts),
        settings=probe_settings(),
        bands=bands_option(),
        sums=lambda wildcards, input: f"--sums {input.sums}" if SUMS else "",
    message:
        "{wildcards.dataset}: fit the readouts of {wildcards.model} {wildcards.layer}"
    shell:
        "python $BANDPROBE/fit_probes.py --code {params.code} --device {resources.device} --train {input.train} --eval {input.eval}"
        " --layer {wildcards.layer} --readout {params.readouts} --manifest {input.manifest}"
        " --folds {input.folds} --settings {params.settings:q} {params.bands} {params.sums}"
        " --output {output.probes} 2> {log}"


if LOGITS:

    rule split_logits:
        input:
            digest=eval_digest,
            features=ancient(eval_features),
            probe_digests=[digest(path) for path in ADDITIVE_PROBES],
            probes=ancient(ADDITIVE_PROBES),
        output:
            logits=directory(LOGITS),
            masks=[directory(path) for path in MASKS],
            digests=[digest(path) for path in LOGITS + MASKS],
        log:
            "logs/{dataset}/split_logits/{model}/{layer}.log",
        benchmark:
            "logs/{dataset}/split_logits/{model}/{layer}.tsv"
        conda:
            ENVIRONMENT
        resources:
            mem_mb=by_attempt(1500),
            device=STUDY.device,
        params:
            code=code("split_logits"),
            bands=bands_spec(),
            controls=controls_spec(),
        message:
            "{wildcards.dataset}: split the logits of {wildcards.model} {wildcards.layer}"
        shell:
            "python $BANDPROBE/split_logits.py --code {params.code} --device {resources.device} --features {input.features} --layer {wildcards.layer}"
            " --probe {input.probes} --bands {params.bands:q} --controls {params.controls:q}"
            " --masks {output.masks} --output {output.logits} 2> {log}"
