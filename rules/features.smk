# Feature maps of one pass of one backbone on one split.
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
        features=directory(Paths.FEATURES),
        digest=digest(Paths.FEATURES),
    log:
        "logs/{dataset}/extract_features/{model}/{passname}/{split}.log",
    benchmark:
        "logs/{dataset}/extract_features/{model}/{passname}/{split}.tsv"
    priority: 10
    conda:
        ENVIRONMENT
    threads: extraction_threads
    resources:
        mem_mb=by_attempt(3000),
        batch=16,
    params:
        code=code("extract_features"),
        model=model_spec,
        layers=model_layers,
        weights=weights_option,
        root=dataset_root,
        dtype=STUDY.dtype,
    message:
        "{wildcards.dataset}: extract features of {wildcards.model}, {wildcards.passname}, {wildcards.split}"
    shell:
        "python $BANDPROBE/extract_features.py --code {params.code}"
        " --model {params.model:q} --layers {params.layers:q} {params.weights}"
        " --manifest {input.manifest} --split {wildcards.split} --root {params.root:q}"
        " --dtype {params.dtype} --batch {resources.batch} --threads {threads}"
        " --output {output.features} 2> {log}"
