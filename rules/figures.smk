"""Pictures of the summaries, as PNG and SVG; bandprobe/figures/gallery.py says which.

One job draws all figures of a summary: starting it takes as long as drawing one.

in:  results/<dataset>/summary
out: results/<dataset>/figures
"""

CATEGORIES = {
    "spectra": "Spectra",
    "planes": "Spectra",
    "transfer": "Spectra",
    "probes": "Readouts",
}


def reported(table):
    """All files of the figures that show a summary, with their captions in Snakemake's own report."""
    files = []
    for name, entry in study_params.figures_of(STUDY, table).items():
        paths = fill(Paths.FIGURE, figure=name, suffix=targets.SUFFIXES)
        caption = f"../workflow/report/{entry.kind}.rst"
        category = CATEGORIES.get(table, "Interventions")
        files.append(report(paths, caption=caption, category=category))
    return files


# plot_spectra, plot_planes, plot_transfer, plot_probes, plot_interventions, plot_shapley, plot_replicates
for table in dict.fromkeys(entry.table for entry in gallery(STUDY).values()):

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
