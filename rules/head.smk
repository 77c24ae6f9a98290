"""The rest of each network as a readout: its classifier, the outcomes of changed maps, the targets.

One job runs a network for all layers of a pass, all modes and both treatments of prefix tokens.

in:  manifest, folds, images, weights; training features, for mean maps and mean prefix tokens
out: results/<dataset>/heads/<model>.zarr, results/<dataset>/head_logits/<model>/<pass>.zarr,
     results/<dataset>/outcomes/<model>/<layer>/head/<mode>.zarr, head-ablated likewise,
     results/<dataset>/targets/<model>/<layer>/head/<mode>/<band>.json, likewise
"""

if STUDY.head:

    (train_of_pass,) = fill(Paths.FEATURES, split="train")

    rule fit_head:
        input:
            digest=Paths.digest(Paths.MANIFEST),
            manifest=ancient(Paths.MANIFEST),
            folds_digest=Paths.digest(Paths.FOLDS),
            folds=ancient(Paths.FOLDS),
            weights_digest=weights_input,
            weights=ancient(of_job(stores.asset_weights)),
            images=ancient(of_job(stores.dataset_images)),
        output:
            head=directory(Paths.HEAD),
            digest=Paths.digest(Paths.HEAD),
        log:
            "logs/{dataset}/fit_head/{model}.log",
        benchmark:
            "logs/{dataset}/fit_head/{model}.tsv"
        wildcard_constraints:
            model=one_of(STUDY.networks()),
        priority: 10
        conda:
            ENVIRONMENT
        threads: network_threads
        resources:
            mem_mb=MEMORY.megabytes("fit_head", 3000),
            batch=MEMORY.batch(16),
            device=STUDY.device,
            root=of_job(study_params.dataset_root),
        params:
            code=code("fit_head"),
            model=json_of_job(study_params.model_spec),
            weights=of_job(study_params.weights_option),
            weights_content=of_job(study_params.weights_content),
            head=as_json(study_params.classifier_settings(STUDY)),
            penalties=as_json(STUDY.probe.penalties),
        message:
            "{wildcards.dataset}: fit the head of {wildcards.model}"
        shell:
            'python "$BANDPROBE"/fit_head.py --code {params.code}'
            " --model {params.model:q} {params.weights} --manifest {input.manifest}"
            " --folds {input.folds} --root {resources.root:q} --head {params.head:q}"
            " --penalties {params.penalties:q} --batch {resources.batch} --device {resources.device} --threads {threads}"
            " --output {output.head} 2> {log}"

    rule run_head:
        input:
            head_digest=Paths.digest(Paths.HEAD),
            head=ancient(Paths.HEAD),
            train_digest=Paths.digest(train_of_pass),
            train=ancient(train_of_pass),
            manifest_digest=Paths.digest(Paths.MANIFEST),
            manifest=ancient(Paths.MANIFEST),
            weights_digest=weights_input,
            weights=ancient(of_job(stores.asset_weights)),
            images=ancient(of_job(stores.dataset_images)),
        output:
            logits=directory(Paths.HEAD_LOGITS),
            digest=Paths.digest(Paths.HEAD_LOGITS),
        log:
            "logs/{dataset}/run_head/{model}/{passname}.log",
        benchmark:
            "logs/{dataset}/run_head/{model}/{passname}.tsv"
        wildcard_constraints:
            model=one_of(STUDY.networks()),
        conda:
            ENVIRONMENT
        threads: network_threads
        resources:
            mem_mb=MEMORY.megabytes("run_head", 3000),
            batch=MEMORY.batch(64),
            device=STUDY.device,
            root=of_job(study_params.dataset_root),
        params:
            code=code("run_head"),
            model=json_of_job(study_params.model_spec),
            layers=json_of_job(study_params.layers_of_pass),
            weights=of_job(study_params.weights_option),
            weights_content=of_job(study_params.weights_content),
            bands=as_json(STUDY.bands),
            modes=as_json(study_params.head_modes(STUDY)),
            prefix=" ".join(STUDY.head.prefix),
        message:
            "{wildcards.dataset}: changed maps of {wildcards.model}, {wildcards.passname}, through its head"
        shell:
            'python "$BANDPROBE"/run_head.py --code {params.code}'
            " --model {params.model:q} {params.weights} --manifest {input.manifest}"
            " --root {resources.root:q} --head {input.head} --train {input.train}"
            " --layers {params.layers:q} --bands {params.bands:q} --modes {params.modes:q}"
            " --prefix {params.prefix} --batch {resources.batch} --device {resources.device} --threads {threads}"
            " --output {output.logits} 2> {log}"

    rule intervene_head:
        input:
            head_digest=Paths.digest(Paths.HEAD),
            head=ancient(Paths.HEAD),
            logits_digest=of_job(stores.head_logits_digest),
            logits=ancient(of_job(stores.head_logits)),
        output:
            outcomes=directory(stores.head_outcomes(STUDY)),
            digests=Paths.digests(stores.head_outcomes(STUDY)),
        log:
            "logs/{dataset}/intervene_head/{model}/{layer}.log",
        wildcard_constraints:
            model=one_of(STUDY.networks()),
        conda:
            ENVIRONMENT
        resources:
            mem_mb=MEMORY.megabytes("intervene_head", 1000),
        params:
            code=code("intervene_head"),
            bands=as_json(STUDY.bands),
            modes=as_json(study_params.head_modes(STUDY)),
            prefix=" ".join(STUDY.head.prefix),
        message:
            "{wildcards.dataset}: outcomes of {wildcards.model} {wildcards.layer} under its head"
        shell:
            'python "$BANDPROBE"/intervene_head.py --code {params.code} --head {input.head}'
            " --logits {input.logits} --layer {wildcards.layer} --bands {params.bands:q}"
            " --modes {params.modes:q} --prefix {params.prefix}"
            " --output {output.outcomes} 2> {log}"

    rule score_head:
        input:
            digests=Paths.digests(stores.head_outcomes(STUDY)),
            outcomes=ancient(stores.head_outcomes(STUDY)),
        output:
            stores.head_layer_targets(STUDY),
        log:
            "logs/{dataset}/score_head/{model}/{layer}.log",
        wildcard_constraints:
            model=one_of(STUDY.networks()),
        conda:
            ENVIRONMENT
        resources:
            mem_mb=MEMORY.megabytes("score_head", 500),
        params:
            code=code("score_targets"),
            axes=json_of_job(study_params.layer_axes),
            statistics=as_json(STUDY.statistics),
            folder=output_folder(3),
        message:
            "{wildcards.dataset}: score the head targets of {wildcards.model} {wildcards.layer}"
        shell:
            'python "$BANDPROBE"/score_targets.py --code {params.code} --outcomes {input.outcomes}'
            " --axes {params.axes:q} --statistics {params.statistics:q} --output {params.folder}"
            " 2> {log}"
