"""Feature maps of one pass of one backbone: the network is loaded once for both splits.

With `scale.shards` several jobs share the images, and their stores are joined.

in:  manifest, images, weights
out: results/<dataset>/features/<model>/<pass>/<split>.zarr
"""


rule extract_features:
    input:
        digest=Paths.digest(Paths.MANIFEST),
        manifest=ancient(Paths.MANIFEST),
        weights_digest=weights_input,
        weights=ancient(of_job(stores.asset_weights)),
        images=ancient(of_job(stores.dataset_images)),
    output:
        features=temp_if_sharded(directory(stores.extracted(STUDY))),
        digests=temp_if_sharded(Paths.digests(stores.extracted(STUDY))),
    log:
        f"logs/{{dataset}}/extract_features/{stores.extraction_name(STUDY)}.log",
    benchmark:
        f"logs/{{dataset}}/extract_features/{stores.extraction_name(STUDY)}.tsv"
    priority: 10
    conda:
        ENVIRONMENT
    threads: network_threads
    resources:
        mem_mb=MEMORY.megabytes("extract_features", 3000),
        batch=MEMORY.batch(16),
        device=STUDY.device,
        root=of_job(study_params.dataset_root),
    params:
        code=code("extract_features"),
        model=json_of_job(study_params.model_spec),
        layers=json_of_job(study_params.layers_of_pass),
        weights=of_job(study_params.weights_option),
        weights_content=of_job(study_params.weights_content),
        storage=as_json(STUDY.storage),
        precision=of_job(study_params.precision_option),
        splits=" ".join(SPLITS),
        shard=of_job(study_params.shard_option),
    message:
        "{wildcards.dataset}: extract features of {wildcards.model}, {wildcards.passname}{params.shard}"
    shell:
        'python "$BANDPROBE"/extract_features.py --code {params.code}'
        " --model {params.model:q} --layers {params.layers:q} {params.weights}"
        " --manifest {input.manifest} --split {params.splits} {params.shard} --root {resources.root:q}"
        " --storage {params.storage:q} {params.precision} --batch {resources.batch} --device {resources.device} --threads {threads}"
        " --output {output.features} 2> {log}"


if stores.is_sharded(STUDY):

    rule join_features:
        input:
            digests=Paths.digests(stores.shards(STUDY)),
            shards=ancient(stores.shards(STUDY)),
        output:
            features=directory(Paths.FEATURES),
            digest=Paths.digest(Paths.FEATURES),
        log:
            "logs/{dataset}/join_features/{model}/{passname}/{split}.log",
        conda:
            ENVIRONMENT
        resources:
            mem_mb=MEMORY.megabytes("join_features", 500),
        params:
            code=code("join_features"),
            shards=of_job(study_params.shards_option),
        message:
            "{wildcards.dataset}: join the shards of {wildcards.model}, {wildcards.passname}, {wildcards.split}"
        shell:
            'python "$BANDPROBE"/join_features.py --code {params.code} {params.shards}'
            " --output {output.features} 2> {log}"
