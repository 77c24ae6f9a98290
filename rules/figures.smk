# Pictures of the summaries, as PNG and SVG; bandprobe/figures/gallery.py says which.
# in:  results/<dataset>/summary
# out: results/<dataset>/figures

# One job draws all figures of a summary: starting it takes as long as drawing one. Two at once draw
# as fast as cores that would wait at the end of a run allow.
DRAW = (
    "python $BANDPROBE/plot_figures.py --code {params.code} --summary {input.summary}"
    " --figures {params.figures:q} --folder {params.folder} --suffix {params.suffixes}"
    " --threads {threads} 2> {log}"
)


# plot_spectra, plot_probes, plot_interventions, plot_shapley
for table in dict.fromkeys(entry.table for entry in FIGURES.values()):

    rule:
        name:
            f"plot_{table}"
        input:
            summary=expand(Paths.SUMMARY, table=table, allow_missing=True),
        output:
            reported_figures(table),
        log:
            f"logs/{{dataset}}/plot_{table}.log",
        priority: 5
        conda:
            ENVIRONMENT
        threads: min(2, len(figures_of(table)))
        params:
            code=code("plot_figures"),
            style=files_digest(PACKAGE / "figures" / "publication.mplstyle"),
            figures=as_json(figures_of(table)),
            folder=output_folder(1),
            suffixes=" ".join(SUFFIXES),
        message:
            f"{{wildcards.dataset}}: draw the figures of the {table}"
        shell:
            DRAW
