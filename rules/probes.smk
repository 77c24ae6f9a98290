# Readouts of one layer, and their logits split into bands.
# in:  features of both splits, manifest, folds
# out: results/<dataset>/probes/<model>/<layer>/<readout>.zarr, band_logits likewise


rule fit_probe:
    input:
        train_digest=train_digest,
        train=ancient(train_features),
        eval_digest=eval_digest,
        eval=ancient(eval_features),
        manifest_digest=digest(Paths.MANIFEST),
        manifest=ancient(Paths.MANIFEST),
        folds_digest=digest(Paths.FOLDS),
        folds=ancient(Paths.FOLDS),
    output:
        probe=directory(Paths.PROBE),
        digest=digest(Paths.PROBE),
    log:
        "logs/{dataset}/fit_probe/{model}/{layer}/{readout}.log",
    benchmark:
        "logs/{dataset}/fit_probe/{model}/{layer}/{readout}.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=2000,
    params:
        code=code("fit_probe"),
        penalties=as_json(STUDY.probe.penalties),
    message:
        "{wildcards.dataset}: fit the {wildcards.readout} readout of {wildcards.model} {wildcards.layer}"
    shell:
        "python $BANDPROBE/fit_probe.py --code {params.code} --train {input.train} --eval {input.eval}"
        " --layer {wildcards.layer} --readout {wildcards.readout} --manifest {input.manifest}"
        " --folds {input.folds} --penalties {params.penalties:q} --output {output.probe} 2> {log}"


rule split_logits:
    input:
        digest=eval_digest,
        features=ancient(eval_features),
        probe_digest=digest(Paths.PROBE),
        probe=ancient(Paths.PROBE),
    output:
        logits=directory(Paths.LOGITS),
        digest=digest(Paths.LOGITS),
    log:
        "logs/{dataset}/split_logits/{model}/{layer}/{readout}.log",
    benchmark:
        "logs/{dataset}/split_logits/{model}/{layer}/{readout}.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=1500,
    params:
        code=code("split_logits"),
        bands=bands_spec(),
    message:
        "{wildcards.dataset}: split the {wildcards.readout} logits of {wildcards.model} {wildcards.layer}"
    shell:
        "python $BANDPROBE/split_logits.py --code {params.code} --features {input.features} --layer {wildcards.layer}"
        " --probe {input.probe} --bands {params.bands:q} --output {output.logits} 2> {log}"
