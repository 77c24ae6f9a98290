# Pictures of the summaries, as PNG and SVG.
# in:  results/<dataset>/summary
# out: results/<dataset>/figures


rule plot_band_energy:
    input:
        spectra=expand(Paths.SUMMARY, table="spectra", allow_missing=True),
    output:
        report(
            figure_files("band_energy"),
            caption="../workflow/report/band_energy.rst",
            category="Spectra",
        ),
    log:
        "logs/{dataset}/plot_band_energy.log",
    priority: 5
    conda:
        ENVIRONMENT
    params:
        code=code("plot_band_energy"),
    message:
        "{wildcards.dataset}: draw band energy"
    shell:
        "python $BANDPROBE/plot_band_energy.py --code {params.code} --spectra {input.spectra}"
        " --output {output} 2> {log}"


rule plot_radial_profiles:
    input:
        spectra=expand(Paths.SUMMARY, table="spectra", allow_missing=True),
    output:
        report(
            figure_files("radial_profiles"),
            caption="../workflow/report/radial_profiles.rst",
            category="Spectra",
        ),
    log:
        "logs/{dataset}/plot_radial_profiles.log",
    priority: 5
    conda:
        ENVIRONMENT
    params:
        code=code("plot_radial_profiles"),
        bands=bands_spec(),
    message:
        "{wildcards.dataset}: draw radial profiles"
    shell:
        "python $BANDPROBE/plot_radial_profiles.py --code {params.code} --spectra {input.spectra}"
        " --bands {params.bands:q} --output {output} 2> {log}"


rule plot_delta_log_amplitude:
    input:
        spectra=expand(Paths.SUMMARY, table="spectra", allow_missing=True),
    output:
        report(
            figure_files("delta_log_amplitude"),
            caption="../workflow/report/delta_log_amplitude.rst",
            category="Spectra",
        ),
    log:
        "logs/{dataset}/plot_delta_log_amplitude.log",
    priority: 5
    conda:
        ENVIRONMENT
    params:
        code=code("plot_delta_log_amplitude"),
    message:
        "{wildcards.dataset}: draw delta log amplitude"
    shell:
        "python $BANDPROBE/plot_delta_log_amplitude.py --code {params.code} --spectra {input.spectra}"
        " --output {output} 2> {log}"


rule plot_spectral_centroid:
    input:
        spectra=expand(Paths.SUMMARY, table="spectra", allow_missing=True),
    output:
        report(
            figure_files("spectral_centroid"),
            caption="../workflow/report/spectral_centroid.rst",
            category="Spectra",
        ),
    log:
        "logs/{dataset}/plot_spectral_centroid.log",
    priority: 5
    conda:
        ENVIRONMENT
    params:
        code=code("plot_spectral_centroid"),
    message:
        "{wildcards.dataset}: draw spectral centroid"
    shell:
        "python $BANDPROBE/plot_spectral_centroid.py --code {params.code} --spectra {input.spectra}"
        " --output {output} 2> {log}"


rule plot_effects:
    input:
        interventions=expand(Paths.SUMMARY, table="interventions", allow_missing=True),
    output:
        report(
            figure_files("{score}_{readout}"),
            caption="../workflow/report/effects.rst",
            category="Interventions",
        ),
    log:
        "logs/{dataset}/plot_effects/{score}_{readout}.log",
    wildcard_constraints:
        score=one_of(SCORES),
    priority: 5
    conda:
        ENVIRONMENT
    params:
        code=code("plot_effects"),
    message:
        "{wildcards.dataset}: draw {wildcards.score} of the {wildcards.readout} readout"
    shell:
        "python $BANDPROBE/plot_effects.py --code {params.code}"
        " --interventions {input.interventions} --score {wildcards.score}"
        " --readout {wildcards.readout} --output {output} 2> {log}"


rule plot_penalty_paths:
    input:
        probes=expand(Paths.SUMMARY, table="probes", allow_missing=True),
    output:
        report(
            figure_files("penalty_paths"),
            caption="../workflow/report/penalty_paths.rst",
            category="Readouts",
        ),
    log:
        "logs/{dataset}/plot_penalty_paths.log",
    priority: 5
    conda:
        ENVIRONMENT
    params:
        code=code("plot_penalty_paths"),
    message:
        "{wildcards.dataset}: draw penalty paths"
    shell:
        "python $BANDPROBE/plot_penalty_paths.py --code {params.code} --probes {input.probes}"
        " --output {output} 2> {log}"


rule plot_bands:
    input:
        interventions=expand(Paths.SUMMARY, table="interventions", allow_missing=True),
    output:
        report(
            figure_files("{figure}"),
            caption="../workflow/report/bands.rst",
            category="Interventions",
        ),
    log:
        "logs/{dataset}/plot_bands/{figure}.log",
    wildcard_constraints:
        figure=one_of(band_figures()),
    priority: 5
    conda:
        ENVIRONMENT
    params:
        code=code("plot_bands"),
        options=band_figure,
    message:
        "{wildcards.dataset}: draw {wildcards.figure}"
    shell:
        "python $BANDPROBE/plot_bands.py --code {params.code} --interventions {input.interventions}"
        " {params.options} --output {output} 2> {log}"


rule plot_shapley:
    input:
        shapley=expand(Paths.SUMMARY, table="shapley", allow_missing=True),
    output:
        report(
            figure_files("shapley_{score}"),
            caption="../workflow/report/shapley.rst",
            category="Interventions",
        ),
    log:
        "logs/{dataset}/plot_shapley/{score}.log",
    wildcard_constraints:
        score=one_of(SHAPLEY_SCORES),
    priority: 5
    conda:
        ENVIRONMENT
    params:
        code=code("plot_shapley"),
    message:
        "{wildcards.dataset}: draw Shapley values of {wildcards.score}"
    shell:
        "python $BANDPROBE/plot_shapley.py --code {params.code} --shapley {input.shapley}"
        " --score {wildcards.score} --output {output} 2> {log}"
