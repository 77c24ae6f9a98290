"""Spectra of one layer: energy per band, rings, centroid, half diagonal.

in:  evaluation features
out: results/<dataset>/spectra/<model>/<layer>.zarr
"""


rule compute_spectra:
    input:
        digest=of_job(stores.eval_digest),
        features=ancient(of_job(stores.eval_features)),
    output:
        spectra=directory(Paths.SPECTRA),
        digest=Paths.digest(Paths.SPECTRA),
    log:
        "logs/{dataset}/compute_spectra/{model}/{layer}.log",
    benchmark:
        "logs/{dataset}/compute_spectra/{model}/{layer}.tsv"
    priority: 5
    conda:
        ENVIRONMENT
    resources:
        mem_mb=MEMORY.megabytes("compute_spectra", 1000),
        blocks=MEMORY.blocks("compute_spectra"),
    params:
        code=code("compute_spectra"),
        bands=as_json(STUDY.bands),
        window=STUDY.spectra.window,
    message:
        "{wildcards.dataset}: spectra of {wildcards.model} {wildcards.layer}"
    shell:
        'python "$BANDPROBE"/compute_spectra.py --code {params.code} --memory {resources.mem_mb} --blocks {resources.blocks} --features {input.features}'
        " --layer {wildcards.layer} --bands {params.bands:q} --window {params.window}"
        " --output {output.spectra} 2> {log}"
