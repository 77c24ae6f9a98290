# Feature maps of one pass of one backbone: the network is loaded once for both splits. With
# `scale.shards` several jobs share the images, and their stores are joined.
# in:  manifest, images, weights
# out: results/<dataset>/features/<model>/<pass>/<split>.zarr


rule extract_features:
    input:
        digest=digest(Paths.MANIFEST),
        manifest=ancient(Paths.MANIFEST),
        weights_digest=weights_input,
        weights=ancient(asset_weights),
        images=ancient(dataset_images),
    output:
        features=EXTRACTED,
        digests=EXTRACTED_DIGESTS,
    log:
        f"logs/{{dataset}}/extract_features/{EXTRACTED_NAME}.log",
    benchmark:
        f"logs/{{dataset}}/extract_features/{EXTRACTED_NAME}.tsv"
    priority: 10
    conda:
        ENVIRONMENT
    threads: extraction_threads
    resources:
        mem_mb=by_attempt(3000),
        batch=16,
        device=STUDY.device,
    params:
        code=code("extract_features"),
        model=model_spec,
        layers=model_layers,
        weights=weights_option,
        root=dataset_root,
        storage=as_json(STUDY.resolved["storage"]),
        precision=precision_option,
        splits=" ".join(SPLITS),
        shard=shard_option,
    message:
        "{wildcards.dataset}: extract features of {wildcards.model}, {wildcards.passname}{params.shard}"
    shell:
        "python $BANDPROBE/extract_features.py --code {params.code}"
        " --model {params.model:q} --layers {params.layers:q} {params.weights}"
        " --manifest {input.manifest} --split {params.splits} {params.shard} --root {params.root:q}"
        " --storage {params.storage:q} {params.precision} --batch {resources.batch} --device {resources.device} --threads {threads}"
        " --output {output.features} 2> {log}"


if STUDY.scale.shards > 1:

    rule join_features:
        input:
            digests=[digest(path) for path in SHARDS],
            shards=ancient(SHARDS),
        output:
            features=directory(Paths.FEATURES),
            digest=digest(Paths.FEATURES),
        log:
            "logs/{dataset}/join_features/{model}/{passname}/{split}.log",
        conda:
            ENVIRONMENT
        resources:
            mem_mb=by_attempt(500),
        params:
            code=code("join_features"),
        message:
            "{wildcards.dataset}: join the shards of {wildcards.model}, {wildcards.passname}, {wildcards.split}"
        shell:
            "python $BANDPROBE/join_features.py --code {params.code} --shards {input.shards}"
            " --output {output.features} 2> {log}"
