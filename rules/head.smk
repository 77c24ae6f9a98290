# The rest of each network as a readout: its classifier, the outcomes of changed maps, one file a target.
# One job runs a network for all layers of a pass, all modes and both treatments of prefix tokens.
# in:  manifest, folds, images, weights; training features, for mean maps and mean prefix tokens
# out: results/<dataset>/heads/<model>.zarr, results/<dataset>/head_logits/<model>/<pass>.zarr,
#      results/<dataset>/outcomes/<model>/<layer>/head/<mode>.zarr, head-ablated likewise,
#      results/<dataset>/targets/<model>/<layer>/head/<mode>/<band>.json, likewise


if STUDY.head:

    rule fit_head:
        input:
            digest=digest(Paths.MANIFEST),
            manifest=ancient(Paths.MANIFEST),
            folds_digest=digest(Paths.FOLDS),
            folds=ancient(Paths.FOLDS),
            weights_digest=weights_input,
            weights=ancient(asset_weights),
            images=ancient(dataset_images),
        output:
            head=directory(Paths.HEAD),
            digest=digest(Paths.HEAD),
        log:
            "logs/{dataset}/fit_head/{model}.log",
        benchmark:
            "logs/{dataset}/fit_head/{model}.tsv"
        wildcard_constraints:
            model=one_of(STUDY.networks()),
        priority: 10
        conda:
            ENVIRONMENT
        threads: extraction_threads
        resources:
            mem_mb=by_attempt(3000),
            batch=16,
            device=STUDY.device,
        params:
            code=code("fit_head"),
            model=model_spec,
            weights=weights_option,
            root=dataset_root,
            head=head_spec(),
            penalties=as_json(STUDY.probe.penalties),
        message:
            "{wildcards.dataset}: fit the head of {wildcards.model}"
        shell:
            "python $BANDPROBE/fit_head.py --code {params.code}"
            " --model {params.model:q} {params.weights} --manifest {input.manifest}"
            " --folds {input.folds} --root {params.root:q} --head {params.head:q}"
            " --penalties {params.penalties:q} --batch {resources.batch} --device {resources.device} --threads {threads}"
            " --output {output.head} 2> {log}"

    rule run_head:
        input:
            head_digest=digest(Paths.HEAD),
            head=ancient(Paths.HEAD),
            train_digest=digest(TRAIN_FEATURES),
            train=ancient(TRAIN_FEATURES),
            manifest_digest=digest(Paths.MANIFEST),
            manifest=ancient(Paths.MANIFEST),
            weights_digest=weights_input,
            weights=ancient(asset_weights),
            images=ancient(dataset_images),
        output:
            logits=directory(Paths.HEAD_LOGITS),
            digest=digest(Paths.HEAD_LOGITS),
        log:
            "logs/{dataset}/run_head/{model}/{passname}.log",
        benchmark:
            "logs/{dataset}/run_head/{model}/{passname}.tsv"
        wildcard_constraints:
            model=one_of(STUDY.networks()),
        conda:
            ENVIRONMENT
        threads: extraction_threads
        resources:
            mem_mb=by_attempt(3000),
            batch=64,
            device=STUDY.device,
        params:
            code=code("run_head"),
            model=model_spec,
            layers=model_layers,
            weights=weights_option,
            root=dataset_root,
            bands=bands_spec(),
            modes=modes_spec(HEAD_MODES),
            prefix=" ".join(STUDY.head.prefix),
        message:
            "{wildcards.dataset}: changed maps of {wildcards.model}, {wildcards.passname}, through its head"
        shell:
            "python $BANDPROBE/run_head.py --code {params.code}"
            " --model {params.model:q} {params.weights} --manifest {input.manifest}"
            " --root {params.root:q} --head {input.head} --train {input.train}"
            " --layers {params.layers:q} --bands {params.bands:q} --modes {params.modes:q}"
            " --prefix {params.prefix} --batch {resources.batch} --device {resources.device} --threads {threads}"
            " --output {output.logits} 2> {log}"

    rule intervene_head:
        input:
            head_digest=digest(Paths.HEAD),
            head=ancient(Paths.HEAD),
            logits_digest=head_logits_digest,
            logits=ancient(head_logits),
        output:
            outcomes=directory(HEAD_OUTCOMES),
            digests=[digest(path) for path in HEAD_OUTCOMES],
        log:
            "logs/{dataset}/intervene_head/{model}/{layer}.log",
        wildcard_constraints:
            model=one_of(STUDY.networks()),
        conda:
            ENVIRONMENT
        resources:
            mem_mb=by_attempt(1000),
        params:
            code=code("intervene_head"),
            bands=bands_spec(),
            modes=modes_spec(HEAD_MODES),
            prefix=" ".join(STUDY.head.prefix),
        message:
            "{wildcards.dataset}: outcomes of {wildcards.model} {wildcards.layer} under its head"
        shell:
            "python $BANDPROBE/intervene_head.py --code {params.code} --head {input.head}"
            " --logits {input.logits} --layer {wildcards.layer} --bands {params.bands:q}"
            " --modes {params.modes:q} --prefix {params.prefix}"
            " --output {output.outcomes} 2> {log}"

    rule score_head:
        input:
            digests=[digest(path) for path in HEAD_OUTCOMES],
            outcomes=ancient(HEAD_OUTCOMES),
        output:
            head_targets_of_layer(),
        log:
            "logs/{dataset}/score_head/{model}/{layer}.log",
        wildcard_constraints:
            model=one_of(STUDY.networks()),
        conda:
            ENVIRONMENT
        resources:
            mem_mb=by_attempt(500),
        params:
            code=code("score_targets"),
            axes=layer_axes,
            statistics=statistics_spec(),
            folder=output_folder(3),
        message:
            "{wildcards.dataset}: score the head targets of {wildcards.model} {wildcards.layer}"
        shell:
            "python $BANDPROBE/score_targets.py --code {params.code} --outcomes {input.outcomes}"
            " --axes {params.axes:q} --statistics {params.statistics:q} --output {params.folder}"
            " 2> {log}"
