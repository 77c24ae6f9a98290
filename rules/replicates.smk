"""How the drops of one layer depend on which images train and which evaluate; off by default.

No network runs: readouts are fitted to other images from the stored maps.

in:  features of both splits, manifest, folds, fitted readouts; the summary of the interventions
out: results/<dataset>/replicates/<model>/<layer>.zarr, and their summary
"""

if STUDY.replicates:

    rule redraw_splits:
        input:
            train_digest=of_job(stores.train_digest),
            train=ancient(of_job(stores.train_features)),
            eval_digest=of_job(stores.eval_digest),
            eval=ancient(of_job(stores.eval_features)),
            manifest_digest=Paths.digest(Paths.MANIFEST),
            manifest=ancient(Paths.MANIFEST),
            folds_digest=Paths.digest(Paths.FOLDS),
            folds=ancient(Paths.FOLDS),
            probe_digests=Paths.digests(stores.replicated_probes(STUDY)),
            probes=ancient(stores.replicated_probes(STUDY)),
        output:
            replicates=directory(Paths.REPLICATES),
            digest=Paths.digest(Paths.REPLICATES),
        log:
            "logs/{dataset}/redraw_splits/{model}/{layer}.log",
        benchmark:
            "logs/{dataset}/redraw_splits/{model}/{layer}.tsv"
        conda:
            ENVIRONMENT
        resources:
            mem_mb=MEMORY.megabytes("redraw_splits", 3000),
            blocks=MEMORY.blocks("redraw_splits"),
            device=STUDY.device,
        params:
            code=code("redraw_splits"),
            bands=as_json(STUDY.bands),
            modes=as_json(study_params.replicate_modes(STUDY)),
            settings=as_json(study_params.replicate_settings(STUDY)),
        message:
            "{wildcards.dataset}: fit to other images of {wildcards.model} {wildcards.layer}"
        shell:
            'python "$BANDPROBE"/redraw_splits.py --code {params.code} --memory {resources.mem_mb} --blocks {resources.blocks} --device {resources.device}'
            " --train {input.train} --eval {input.eval} --layer {wildcards.layer}"
            " --manifest {input.manifest} --folds {input.folds} --probe {input.probes}"
            " --bands {params.bands:q} --modes {params.modes:q} --settings {params.settings:q}"
            " --output {output.replicates} 2> {log}"

    rule summarise_replicates:
        input:
            digests=of_dataset(targets.replicates),
            stores=ancient(of_dataset(targets.replicate_stores)),
            interventions=fill(Paths.SUMMARY, table="interventions"),
        output:
            netcdf=fill(Paths.SUMMARY, table="replicates"),
            csv=fill(Paths.TABLE, table="replicates"),
        log:
            "logs/{dataset}/summarise_replicates.log",
        priority: 5
        conda:
            ENVIRONMENT
        resources:
            mem_mb=MEMORY.megabytes("summarise_replicates", 1000),
        params:
            code=code("summarise_replicates"),
            axes=as_json(study_params.replicate_axes(STUDY)),
            statistics=as_json(STUDY.statistics),
            replicates=input_folder(2),
        message:
            "{wildcards.dataset}: summarise replicates"
        shell:
            'python "$BANDPROBE"/summarise_replicates.py --code {params.code}'
            " --replicates {params.replicates} --axes {params.axes:q}"
            " --statistics {params.statistics:q} --interventions {input.interventions}"
            " --netcdf {output.netcdf} --csv {output.csv} 2> {log}"
