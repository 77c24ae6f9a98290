"""Images beside the maps of layers, before and after a band was changed, for the page of results.

Only of data sets whose images the page may show (`report.images`); one job, since all share its limit.

in:  manifest, images, evaluation features, readouts, band logits and outcomes of one mode
out: results/<dataset>/explorer.json
"""


rule draw_explorer:
    input:
        digests=of_dataset(targets.explorer_digests),
        stores=ancient(of_dataset(targets.explorer_stores)),
        manifest_digest=Paths.digest(Paths.MANIFEST),
        manifest=ancient(Paths.MANIFEST),
        images=ancient(of_job(stores.dataset_images)),
    output:
        Paths.EXPLORER,
    log:
        "logs/{dataset}/draw_explorer.log",
    benchmark:
        "logs/{dataset}/draw_explorer.tsv"
    wildcard_constraints:
        dataset=one_of(targets.explored_datasets(STUDY)),
    priority: 5
    conda:
        ENVIRONMENT
    resources:
        mem_mb=MEMORY.megabytes("draw_explorer", 1500),
        root=of_job(study_params.dataset_root),
    params:
        code=code("draw_explorer"),
        settings=as_json(study_params.explorer_settings(STUDY)),
        results=lambda wildcards, input: Path(input.manifest).parent,
    message:
        "{wildcards.dataset}: draw images beside their maps"
    shell:
        'python "$BANDPROBE"/draw_explorer.py --code {params.code} --results {params.results}'
        " --manifest {input.manifest} --root {resources.root:q} --settings {params.settings:q}"
        " --output {output} 2> {log}"
