"""Pictures of the summaries, as PNG and SVG; bandprobe/figures/gallery.py says which.

One job draws all figures of a summary: starting it takes as long as drawing one. The verdict needs
several summaries, and has a job of its own.

in:  results/<dataset>/summary
out: results/<dataset>/figures
"""


rule plot_verdict:
    input:
        interventions=fill(Paths.SUMMARY, table="interventions"),
        spectra=fill(Paths.SUMMARY, table="spectra"),
        flags=Paths.FLAGS,
    output:
        reported(VERDICT),
    log:
        "logs/{dataset}/plot_verdict.log",
    priority: 5
    conda:
        ENVIRONMENT
    resources:
        mem_mb=MEMORY.megabytes("plot_verdict", 1000),
    params:
        code=code("plot_verdict"),
        style=files_digest(PACKAGE / "figures" / "publication.mplstyle"),
        figure=as_json(gallery(STUDY)[VERDICT]),
    message:
        "{wildcards.dataset}: draw what is held and what is used"
    shell:
        'python "$BANDPROBE"/plot_verdict.py --code {params.code} --interventions {input.interventions}'
        " --spectra {input.spectra} --flags {input.flags} --figure {params.figure:q}"
        " --output {output} 2> {log}"


# plot_spectra, plot_planes, plot_transfer, plot_probes, plot_interventions, plot_shapley, plot_replicates
for table in dict.fromkeys(
    entry.table for entry in gallery(STUDY).values() if entry.table != VERDICT
):

    rule:
        name:
            f"plot_{table}"
        input:
            summary=fill(Paths.SUMMARY, table=table),
        output:
            reported(table),
        log:
            f"logs/{{dataset}}/plot_{table}.log",
        priority: 5
        conda:
            ENVIRONMENT
        threads: drawing_threads(len(study_params.figures_of(STUDY, table)))
        resources:
            mem_mb=MEMORY.megabytes("plot_figures", 1000),
        params:
            code=code("plot_figures"),
            style=files_digest(PACKAGE / "figures" / "publication.mplstyle"),
            figures=as_json(study_params.figures_of(STUDY, table)),
            folder=output_folder(1),
            suffixes=" ".join(targets.SUFFIXES),
        message:
            f"{{wildcards.dataset}}: draw the figures of the {table}"
        shell:
            'python "$BANDPROBE"/plot_figures.py --code {params.code} --summary {input.summary}'
            " --figures {params.figures:q} --folder {params.folder} --suffix {params.suffixes}"
            " --threads {threads} 2> {log}"
