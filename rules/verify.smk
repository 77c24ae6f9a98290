"""Whether all that a study has left on disk is intact, and follows from what came before.

in:  everything below results and resources; `snakemake verify` reads what is there and makes nothing
out: logs/verify.log
"""


rule verify:
    log:
        "logs/verify.log",
    conda:
        ENVIRONMENT
    params:
        config=as_json(STUDY.resolved),
    message:
        "Verify what is on disk"
    shell:
        'python "$BANDPROBE"/verify_study.py --config {params.config:q} 2> {log}'
