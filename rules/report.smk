"""One page that shows a data set's results, and needs nothing but itself.

in:  results/<dataset>/summary, figures, explorer.json, config.yaml, digests of manifest and features
out: results/<dataset>/report.html
"""


rule write_report:
    input:
        tables=fill(Paths.SUMMARY, table=targets.tables(STUDY)),
        flags=Paths.FLAGS,
        config=Paths.CONFIG,
        manifest_digest=of_dataset(targets.manifest),
        features_digests=of_dataset(targets.features),
        manifest=ancient(Paths.MANIFEST),
        targets=ancient(of_dataset(targets.sampled_interventions)),
        explorer=of_dataset(targets.explorer),
        # The page links to them and shows nothing of them. Not ancient: below a job that runs Snakemake
        # looks at nothing else, and would leave the page as it was where figures alone are to be drawn.
        figures=of_dataset(targets.figures),
    output:
        report(
            Paths.REPORT,
            caption="../workflow/report/report.rst",
            category="The page of results",
        ),
    log:
        "logs/{dataset}/write_report.log",
    priority: 5
    conda:
        ENVIRONMENT
    resources:
        mem_mb=MEMORY.megabytes("write_report", 1000),
    params:
        code=code("write_report"),
        page=files_digest(PACKAGE / "report" / "templates"),
        results=lambda wildcards, input: Path(input.config).parent,
        tables=" ".join(targets.tables(STUDY)),
        figures=" ".join(gallery(STUDY)),
    message:
        "{wildcards.dataset}: write the report"
    shell:
        'python "$BANDPROBE"/write_report.py --code {params.code} --results {params.results}'
        " --tables {params.tables} --figures {params.figures} --explorer {input.explorer}"
        " --output {output} 2> {log}"
