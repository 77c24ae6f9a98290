"""Where the figures stand in Snakemake's own report, and what it says of them."""

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
