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


# One job draws all figures of a summary: starting it takes as long as drawing one. Two at once draw
# as fast as cores that would wait at the end of a run allow.
rule plot_effects:
    input:
        interventions=expand(Paths.SUMMARY, table="interventions", allow_missing=True),
    output:
        report(
            figure_files(*effect_names()),
            caption="../workflow/report/effects.rst",
            category="Interventions",
        ),
    log:
        "logs/{dataset}/plot_effects.log",
    priority: 5
    conda:
        ENVIRONMENT
    threads: 2
    params:
        code=code("plot_effects"),
        scores=" ".join(SCORES),
        readouts=" ".join([*STUDY.readouts, *HEAD_READOUTS]),
        folder=output_folder(1),
        suffixes=" ".join(SUFFIXES),
    message:
        "{wildcards.dataset}: draw the effects"
    shell:
        "python $BANDPROBE/plot_effects.py --code {params.code}"
        " --interventions {input.interventions} --score {params.scores}"
        " --readout {params.readouts} --folder {params.folder} --suffix {params.suffixes} --threads {threads} 2> {log}"


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


if band_figures():

    rule plot_bands:
        input:
            interventions=expand(
                Paths.SUMMARY, table="interventions", allow_missing=True
            ),
        output:
            report(
                figure_files(*band_figures()),
                caption="../workflow/report/bands.rst",
                category="Interventions",
            ),
        log:
            "logs/{dataset}/plot_bands.log",
        priority: 5
        conda:
            ENVIRONMENT
        threads: 2
        params:
            code=code("plot_bands"),
            figures=as_json(band_figures()),
            readout=FIRST_READOUT,
            folder=output_folder(1),
            suffixes=" ".join(SUFFIXES),
        message:
            "{wildcards.dataset}: draw controls, sweeps, and what is used beside what is available"
        shell:
            "python $BANDPROBE/plot_bands.py --code {params.code}"
            " --interventions {input.interventions} --figures {params.figures:q}"
            " --readout {params.readout} --folder {params.folder} --suffix {params.suffixes} --threads {threads} 2> {log}"


rule plot_shapley:
    input:
        shapley=expand(Paths.SUMMARY, table="shapley", allow_missing=True),
    output:
        report(
            figure_files(*SHAPLEY_FIGURES),
            caption="../workflow/report/shapley.rst",
            category="Interventions",
        ),
    log:
        "logs/{dataset}/plot_shapley.log",
    priority: 5
    conda:
        ENVIRONMENT
    params:
        code=code("plot_shapley"),
        scores=" ".join(SHAPLEY_SCORES),
        folder=output_folder(1),
        suffixes=" ".join(SUFFIXES),
    message:
        "{wildcards.dataset}: draw the Shapley values"
    shell:
        "python $BANDPROBE/plot_shapley.py --code {params.code} --shapley {input.shapley}"
        " --score {params.scores} --folder {params.folder} --suffix {params.suffixes} 2> {log}"
