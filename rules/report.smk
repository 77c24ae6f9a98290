# One page that shows a data set's results, and needs nothing but itself.
# in:  results/<dataset>/summary, figures, config.yaml, digests of manifest and features
# out: results/<dataset>/report.html


rule write_report:
    input:
        tables=expand(Paths.SUMMARY, table=TABLES, allow_missing=True),
        flags=Paths.FLAGS,
        config=Paths.CONFIG,
        digests=lambda wildcards: of_dataset(
            [*all_manifests(), *all_features()], wildcards
        ),
        manifest=ancient(Paths.MANIFEST),
        targets=ancient(sample_targets),
        # The page links to them and shows nothing of them.
        figures=ancient(lambda wildcards: of_dataset(flatten(all_figures()), wildcards)),
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
        mem_mb=by_attempt(1000),
    params:
        code=code("write_report"),
        page=files_digest(PACKAGE / "report" / "templates"),
        results=lambda wildcards, input: Path(input.config).parent,
        tables=" ".join(TABLES),
        figures=" ".join(FIGURES),
    message:
        "{wildcards.dataset}: write the report"
    shell:
        "python $BANDPROBE/write_report.py --code {params.code} --results {params.results}"
        " --tables {params.tables} --figures {params.figures} --output {output} 2> {log}"
