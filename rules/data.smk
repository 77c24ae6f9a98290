"""Which samples a data set has, and how they are split for cross-validation.

in:  the images
out: results/<dataset>/manifest.parquet, folds.parquet, config.yaml; images of generated data sets, and
     of those that are not image files
"""


rule make_phantom:
    output:
        images=directory(Paths.IMAGES),
        digest=Paths.digest(Paths.IMAGES),
    log:
        "logs/{dataset}/make_phantom.log",
    benchmark:
        "logs/{dataset}/make_phantom.tsv"
    wildcard_constraints:
        dataset=one_of(stores.phantoms(STUDY)),
    priority: EARLY
    conda:
        ENVIRONMENT
    resources:
        mem_mb=MEMORY.megabytes("make_phantom", 1000),
    params:
        code=code("make_phantom"),
        spec=json_of_job(study_params.made_images_spec),
    message:
        "{wildcards.dataset}: generate the images"
    shell:
        'python "$BANDPROBE"/make_phantom.py --code {params.code} --spec {params.spec:q}'
        " --output {output.images} 2> {log}"


rule unpack_images:
    output:
        images=directory(Paths.IMAGES),
        digest=Paths.digest(Paths.IMAGES),
    log:
        "logs/{dataset}/unpack_images.log",
    benchmark:
        "logs/{dataset}/unpack_images.tsv"
    wildcard_constraints:
        dataset=one_of(stores.unpacked_datasets(STUDY)),
    priority: EARLY
    conda:
        ENVIRONMENT
    resources:
        mem_mb=MEMORY.megabytes("unpack_images", 1000),
        places=json_of_job(study_params.dataset_places),
    params:
        code=code("unpack_images"),
        spec=json_of_job(study_params.made_images_spec),
        state=of_job(study_params.dataset_state),
    message:
        "{wildcards.dataset}: write the images as PNG"
    shell:
        'python "$BANDPROBE"/unpack_images.py --code {params.code} --spec {params.spec:q}'
        " --places {resources.places:q} --output {output.images} 2> {log}"


rule make_manifest:
    input:
        of_job(stores.dataset_digests),
        images=ancient(of_job(stores.dataset_images)),
    output:
        manifest=Paths.MANIFEST,
        digest=Paths.digest(Paths.MANIFEST),
    log:
        "logs/{dataset}/make_manifest.log",
    benchmark:
        "logs/{dataset}/make_manifest.tsv"
    priority: EARLY
    conda:
        ENVIRONMENT
    threads: threads_by_place(decoding_threads, "dataset")
    resources:
        mem_mb=MEMORY.megabytes("make_manifest", DECODING_MB),
        # Not params: the same images in another folder give the same manifest.
        places=json_of_job(study_params.dataset_places),
        root=of_job(study_params.dataset_root),
    params:
        code=code("make_manifest"),
        spec=json_of_job(study_params.dataset_spec),
        state=of_job(study_params.dataset_state),
    message:
        "{wildcards.dataset}: list the samples"
    shell:
        'python "$BANDPROBE"/make_manifest.py --code {params.code} --spec {params.spec:q}'
        " --places {resources.places:q} --root {resources.root:q} --state {params.state:q}"
        " --threads {threads} --output {output.manifest} 2> {log}"


rule assign_folds:
    input:
        digest=Paths.digest(Paths.MANIFEST),
        manifest=ancient(Paths.MANIFEST),
    output:
        folds=Paths.FOLDS,
        digest=Paths.digest(Paths.FOLDS),
    log:
        "logs/{dataset}/assign_folds.log",
    benchmark:
        "logs/{dataset}/assign_folds.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=MEMORY.megabytes("assign_folds", 1000),
    params:
        code=code("assign_folds"),
        folds=STUDY.probe.folds,
        seed=STUDY.probe.seed,
    message:
        "{wildcards.dataset}: assign folds"
    shell:
        'python "$BANDPROBE"/assign_folds.py --code {params.code} --manifest {input.manifest} --folds {params.folds}'
        " --seed {params.seed} --output {output.folds} 2> {log}"


rule write_config:
    output:
        Paths.CONFIG,
    log:
        "logs/{dataset}/write_config.log",
    conda:
        ENVIRONMENT
    params:
        code=code("write_config"),
        config=as_json(STUDY.resolved),
    message:
        "{wildcards.dataset}: write the resolved configuration"
    shell:
        'python "$BANDPROBE"/write_config.py --code {params.code} --config {params.config:q} --output {output} 2> {log}'
