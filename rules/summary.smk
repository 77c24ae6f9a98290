# All results of a data set as labelled arrays and tables.
# in:  targets, spectra, readouts, Shapley values
# out: results/<dataset>/summary


rule summarise_interventions:
    input:
        lambda wildcards: of_dataset([*all_targets(), *all_head()], wildcards),
    output:
        netcdf=expand(Paths.SUMMARY, table="interventions", allow_missing=True),
        csv=expand(Paths.TABLE, table="interventions", allow_missing=True),
        flags=Paths.FLAGS,
    log:
        "logs/{dataset}/summarise_interventions.log",
    priority: 5
    conda:
        ENVIRONMENT
    resources:
        mem_mb=by_attempt(1000),
    params:
        code=code("summarise_interventions"),
        axes=study_axes(STUDY.readouts, heads=True),
        targets=input_folder(5),
    message:
        "{wildcards.dataset}: summarise interventions"
    shell:
        "python $BANDPROBE/summarise_interventions.py --code {params.code} --targets {params.targets}"
        " --axes {params.axes:q} --netcdf {output.netcdf} --csv {output.csv}"
        " --flags {output.flags} 2> {log}"


rule summarise_spectra:
    input:
        digests=lambda wildcards: of_dataset(flatten(all_spectra()), wildcards),
        stores=ancient(lambda wildcards: stores_of(flatten(all_spectra()), wildcards)),
    output:
        netcdf=expand(Paths.SUMMARY, table="spectra", allow_missing=True),
        csv=expand(Paths.TABLE, table="spectra", allow_missing=True),
        profiles=expand(Paths.TABLE, table="spectra_profiles", allow_missing=True),
        diagonal=expand(Paths.TABLE, table="spectra_diagonal", allow_missing=True),
    log:
        "logs/{dataset}/summarise_spectra.log",
    priority: 5
    conda:
        ENVIRONMENT
    resources:
        mem_mb=by_attempt(1000),
    params:
        code=code("summarise_spectra"),
        axes=study_axes(STUDY.readouts),
        statistics=statistics_spec(),
        spectra=input_folder(2),
    message:
        "{wildcards.dataset}: summarise spectra"
    shell:
        "python $BANDPROBE/summarise_spectra.py --code {params.code} --spectra {params.spectra} --axes {params.axes:q}"
        " --statistics {params.statistics:q} --netcdf {output.netcdf} --csv {output.csv}"
        " --profiles {output.profiles} --diagonal {output.diagonal} 2> {log}"


rule summarise_probes:
    input:
        digests=lambda wildcards: of_dataset(
            flatten(all_probes(STUDY.additive)), wildcards
        ),
        stores=ancient(
            lambda wildcards: stores_of(flatten(all_probes(STUDY.additive)), wildcards)
        ),
    output:
        netcdf=expand(Paths.SUMMARY, table="probes", allow_missing=True),
        csv=expand(Paths.TABLE, table="probes", allow_missing=True),
    log:
        "logs/{dataset}/summarise_probes.log",
    priority: 5
    conda:
        ENVIRONMENT
    resources:
        mem_mb=by_attempt(1000),
    params:
        code=code("summarise_probes"),
        axes=study_axes(STUDY.additive),
        probes=input_folder(3),
    message:
        "{wildcards.dataset}: summarise readouts"
    shell:
        "python $BANDPROBE/summarise_probes.py --code {params.code} --probes {params.probes}"
        " --axes {params.axes:q} --netcdf {output.netcdf} --csv {output.csv} 2> {log}"


rule summarise_shapley:
    input:
        digests=lambda wildcards: of_dataset(flatten(all_shapley()), wildcards),
        stores=ancient(lambda wildcards: stores_of(flatten(all_shapley()), wildcards)),
    output:
        netcdf=expand(Paths.SUMMARY, table="shapley", allow_missing=True),
        csv=expand(Paths.TABLE, table="shapley", allow_missing=True),
    log:
        "logs/{dataset}/summarise_shapley.log",
    priority: 5
    conda:
        ENVIRONMENT
    resources:
        mem_mb=by_attempt(1000),
    params:
        code=code("summarise_shapley"),
        axes=study_axes(STUDY.additive),
        statistics=statistics_spec(),
        shapley=input_folder(3),
    message:
        "{wildcards.dataset}: summarise Shapley values"
    shell:
        "python $BANDPROBE/summarise_shapley.py --code {params.code} --shapley {params.shapley}"
        " --axes {params.axes:q} --statistics {params.statistics:q} --netcdf {output.netcdf}"
        " --csv {output.csv} 2> {log}"
