"""Readouts of one layer, and their logits split into bands.

A job serves all readouts: they share the maps that it reads, and their Fourier transform.

in:  features of both splits, manifest, folds
out: results/<dataset>/probes/<model>/<layer>/<readout>.zarr, band_logits likewise;
     results/<dataset>/controls/<model>/<layer>.zarr: the random masks that logits are split into too
"""

if stores.slab_sums(STUDY):

    rule sum_slab:
        input:
            train_digest=of_job(stores.train_digest),
            train=ancient(of_job(stores.train_features)),
            eval_digest=of_job(stores.eval_digest),
            eval=ancient(of_job(stores.eval_features)),
        output:
            sums=temp(directory(Paths.SUMS)),
            digest=temp(Paths.digest(Paths.SUMS)),
        log:
            "logs/{dataset}/sum_slab/{model}/{layer}/{slab}.log",
        benchmark:
            "logs/{dataset}/sum_slab/{model}/{layer}/{slab}.tsv"
        conda:
            ENVIRONMENT
        resources:
            mem_mb=MEMORY.megabytes("sum_slab", 2000),
            blocks=MEMORY.blocks("sum_slab"),
            device=STUDY.device,
        params:
            code=code("sum_slab"),
            bands=study_params.slab_bands_option(STUDY),
            pattern=study_params.slab_pattern_option(STUDY),
            slab=of_job(study_params.slab_position),
        message:
            "{wildcards.dataset}: sums of {wildcards.model} {wildcards.layer}, slab {wildcards.slab}"
        shell:
            'python "$BANDPROBE"/sum_slab.py --code {params.code} --memory {resources.mem_mb} --blocks {resources.blocks} --device {resources.device} --train {input.train}'
            " --eval {input.eval} --layer {wildcards.layer} {params.bands} {params.pattern}"
            " --slab {params.slab} --output {output.sums} 2> {log}"


rule fit_probes:
    input:
        train_digest=of_job(stores.train_digest),
        train=ancient(of_job(stores.train_features)),
        eval_digest=of_job(stores.eval_digest),
        eval=ancient(of_job(stores.eval_features)),
        manifest_digest=Paths.digest(Paths.MANIFEST),
        manifest=ancient(Paths.MANIFEST),
        folds_digest=Paths.digest(Paths.FOLDS),
        folds=ancient(Paths.FOLDS),
        sums_digests=Paths.digests(stores.slab_sums(STUDY)),
        sums=ancient(stores.slab_sums(STUDY)),
    output:
        probes=directory(stores.probes(STUDY)),
        digests=Paths.digests(stores.probes(STUDY)),
    log:
        "logs/{dataset}/fit_probes/{model}/{layer}.log",
    benchmark:
        "logs/{dataset}/fit_probes/{model}/{layer}.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=MEMORY.megabytes("fit_probes", 2000),
        blocks=MEMORY.blocks("fit_probes"),
        device=STUDY.device,
    params:
        code=code("fit_probes"),
        readouts=" ".join(STUDY.readouts),
        settings=as_json(study_params.fit_settings(STUDY)),
        bands=study_params.fit_bands_option(STUDY),
        sums=of_job(study_params.sums_option),
    message:
        "{wildcards.dataset}: fit the readouts of {wildcards.model} {wildcards.layer}"
    shell:
        'python "$BANDPROBE"/fit_probes.py --code {params.code} --memory {resources.mem_mb} --blocks {resources.blocks} --device {resources.device} --train {input.train} --eval {input.eval}'
        " --layer {wildcards.layer} --readout {params.readouts} --manifest {input.manifest}"
        " --folds {input.folds} --settings {params.settings:q} {params.bands} {params.sums}"
        " --output {output.probes} 2> {log}"


if stores.band_logits(STUDY):

    rule split_logits:
        input:
            digest=of_job(stores.eval_digest),
            features=ancient(of_job(stores.eval_features)),
            probe_digests=Paths.digests(stores.additive_probes(STUDY)),
            probes=ancient(stores.additive_probes(STUDY)),
        output:
            logits=directory(stores.band_logits(STUDY)),
            masks=directory(stores.masks(STUDY)),
            digests=Paths.digests(stores.band_logits(STUDY) + stores.masks(STUDY)),
        log:
            "logs/{dataset}/split_logits/{model}/{layer}.log",
        benchmark:
            "logs/{dataset}/split_logits/{model}/{layer}.tsv"
        conda:
            ENVIRONMENT
        resources:
            mem_mb=MEMORY.megabytes("split_logits", 1500),
            blocks=MEMORY.blocks("split_logits"),
            device=STUDY.device,
        params:
            code=code("split_logits"),
            bands=as_json(STUDY.bands),
            controls=as_json(study_params.mask_settings(STUDY)),
            changes=" ".join(study_params.energy_changes(STUDY)),
        message:
            "{wildcards.dataset}: split the logits of {wildcards.model} {wildcards.layer}"
        shell:
            'python "$BANDPROBE"/split_logits.py --code {params.code} --memory {resources.mem_mb} --blocks {resources.blocks} --device {resources.device} --features {input.features} --layer {wildcards.layer}'
            " --probe {input.probes} --bands {params.bands:q} --controls {params.controls:q}"
            " --changes {params.changes} --masks {output.masks} --output {output.logits} 2> {log}"
