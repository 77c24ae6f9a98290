"""All results of a data set as labelled arrays and tables.

in:  targets, outcomes of removals, spectra, readouts, Shapley values
out: results/<dataset>/summary
"""


rule summarise_interventions:
    input:
        of_dataset(targets.all_interventions),
    output:
        netcdf=fill(Paths.SUMMARY, table="interventions"),
        csv=fill(Paths.TABLE, table="interventions"),
        flags=Paths.FLAGS,
    log:
        "logs/{dataset}/summarise_interventions.log",
    priority: 5
    conda:
        ENVIRONMENT
    resources:
        mem_mb=MEMORY.megabytes("summarise_interventions", 1000),
    params:
        code=code("summarise_interventions"),
        axes=as_json(study_params.summary_axes(STUDY, STUDY.readouts, heads=True)),
        targets=input_folder(5),
    message:
        "{wildcards.dataset}: summarise interventions"
    shell:
        'python "$BANDPROBE"/summarise_interventions.py --code {params.code} --targets {params.targets}'
        " --axes {params.axes:q} --netcdf {output.netcdf} --csv {output.csv}"
        " --flags {output.flags} 2> {log}"


rule summarise_spectra:
    input:
        digests=of_dataset(targets.spectra),
        stores=ancient(of_dataset(targets.spectra_stores)),
    output:
        netcdf=fill(Paths.SUMMARY, table="spectra"),
        csv=fill(Paths.TABLE, table="spectra"),
        profiles=fill(Paths.TABLE, table="spectra_profiles"),
        diagonal=fill(Paths.TABLE, table="spectra_diagonal"),
    log:
        "logs/{dataset}/summarise_spectra.log",
    priority: 5
    conda:
        ENVIRONMENT
    resources:
        mem_mb=MEMORY.megabytes("summarise_spectra", 1000),
    params:
        code=code("summarise_spectra"),
        axes=as_json(study_params.summary_axes(STUDY, STUDY.readouts)),
        statistics=as_json(STUDY.statistics),
        spectra=input_folder(2),
    message:
        "{wildcards.dataset}: summarise spectra"
    shell:
        'python "$BANDPROBE"/summarise_spectra.py --code {params.code} --spectra {params.spectra} --axes {params.axes:q}'
        " --statistics {params.statistics:q} --netcdf {output.netcdf} --csv {output.csv}"
        " --profiles {output.profiles} --diagonal {output.diagonal} 2> {log}"


rule summarise_planes:
    input:
        digests=of_dataset(targets.spectra),
        stores=ancient(of_dataset(targets.spectra_stores)),
    output:
        netcdf=fill(Paths.SUMMARY, table="planes"),
        csv=fill(Paths.TABLE, table="planes"),
    log:
        "logs/{dataset}/summarise_planes.log",
    priority: 5
    conda:
        ENVIRONMENT
    resources:
        mem_mb=MEMORY.megabytes("summarise_planes", 1000),
    params:
        code=code("summarise_planes"),
        axes=as_json(study_params.summary_axes(STUDY, STUDY.readouts)),
        statistics=as_json(STUDY.statistics),
        spectra=input_folder(2),
    message:
        "{wildcards.dataset}: summarise Fourier planes"
    shell:
        'python "$BANDPROBE"/summarise_planes.py --code {params.code} --spectra {params.spectra}'
        " --axes {params.axes:q} --statistics {params.statistics:q} --netcdf {output.netcdf}"
        " --csv {output.csv} 2> {log}"


rule summarise_transfer:
    input:
        digests=of_dataset(targets.spectra),
        stores=ancient(of_dataset(targets.spectra_stores)),
    output:
        netcdf=fill(Paths.SUMMARY, table="transfer"),
        csv=fill(Paths.TABLE, table="transfer"),
    log:
        "logs/{dataset}/summarise_transfer.log",
    priority: 5
    conda:
        ENVIRONMENT
    resources:
        mem_mb=MEMORY.megabytes("summarise_transfer", 1000),
    params:
        code=code("summarise_transfer"),
        axes=as_json(study_params.summary_axes(STUDY, STUDY.readouts)),
        statistics=as_json(STUDY.statistics),
        spectra=input_folder(2),
    message:
        "{wildcards.dataset}: summarise transfers between layers"
    shell:
        'python "$BANDPROBE"/summarise_transfer.py --code {params.code} --spectra {params.spectra}'
        " --axes {params.axes:q} --statistics {params.statistics:q} --netcdf {output.netcdf}"
        " --csv {output.csv} 2> {log}"


rule summarise_probes:
    input:
        digests=of_dataset(targets.additive_probes),
        stores=ancient(of_dataset(targets.additive_probe_stores)),
    output:
        netcdf=fill(Paths.SUMMARY, table="probes"),
        csv=fill(Paths.TABLE, table="probes"),
    log:
        "logs/{dataset}/summarise_probes.log",
    priority: 5
    conda:
        ENVIRONMENT
    resources:
        mem_mb=MEMORY.megabytes("summarise_probes", 1000),
    params:
        code=code("summarise_probes"),
        axes=as_json(study_params.summary_axes(STUDY, STUDY.additive)),
        probes=input_folder(3),
    message:
        "{wildcards.dataset}: summarise readouts"
    shell:
        'python "$BANDPROBE"/summarise_probes.py --code {params.code} --probes {params.probes}'
        " --axes {params.axes:q} --netcdf {output.netcdf} --csv {output.csv} 2> {log}"


rule summarise_shapley:
    input:
        digests=of_dataset(targets.shapley),
        stores=ancient(of_dataset(targets.shapley_stores)),
    output:
        netcdf=fill(Paths.SUMMARY, table="shapley"),
        csv=fill(Paths.TABLE, table="shapley"),
        interactions=fill(Paths.TABLE, table="shapley_interactions"),
    log:
        "logs/{dataset}/summarise_shapley.log",
    priority: 5
    conda:
        ENVIRONMENT
    resources:
        mem_mb=MEMORY.megabytes("summarise_shapley", 1000),
    params:
        code=code("summarise_shapley"),
        axes=as_json(study_params.summary_axes(STUDY, STUDY.additive)),
        statistics=as_json(STUDY.statistics),
        shapley=input_folder(3),
    message:
        "{wildcards.dataset}: summarise Shapley values"
    shell:
        'python "$BANDPROBE"/summarise_shapley.py --code {params.code} --shapley {params.shapley}'
        " --axes {params.axes:q} --statistics {params.statistics:q} --netcdf {output.netcdf}"
        " --csv {output.csv} --interactions {output.interactions} 2> {log}"


rule summarise_parts:
    input:
        digests=of_dataset(targets.removals),
        spectra_digests=of_dataset(targets.spectra),
        outcomes=ancient(of_dataset(targets.removal_stores)),
        spectra=ancient(of_dataset(targets.spectra_stores)),
    output:
        netcdf=fill(Paths.SUMMARY, table="parts"),
        csv=fill(Paths.TABLE, table="parts"),
    log:
        "logs/{dataset}/summarise_parts.log",
    priority: 5
    conda:
        ENVIRONMENT
    resources:
        mem_mb=MEMORY.megabytes("summarise_parts", 1000),
    params:
        code=code("summarise_parts"),
        axes=as_json(study_params.part_axes(STUDY)),
        statistics=as_json(STUDY.statistics),
        outcomes=input_folder(4),
        spectra=lambda wildcards, input: stores.folder_above(
            input.spectra_digests[0], 2
        ),
    message:
        "{wildcards.dataset}: summarise DC alone and all but DC"
    shell:
        'python "$BANDPROBE"/summarise_parts.py --code {params.code} --outcomes {params.outcomes}'
        " --spectra {params.spectra} --axes {params.axes:q} --statistics {params.statistics:q}"
        " --netcdf {output.netcdf} --csv {output.csv} 2> {log}"
