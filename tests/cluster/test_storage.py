"""A study whose results live in object storage: its numbers are those of a local run."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.cluster.conftest import HERE, STUDY, Study
from tests.cluster.slurm import free_port, wait_until

boto3 = pytest.importorskip("boto3", reason="the test of object storage has its own environment")

BUCKET = "bandprobe"
IN_STORAGE = ("--default-storage-provider", "s3", "--default-storage-prefix", f"s3://{BUCKET}")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Where a server that speaks S3 is, as the plugin takes it."""
    port = free_port()
    log = tmp_path_factory.mktemp("server") / "log"
    server = Path(sys.executable).parent / "moto_server"
    command = ["setpriv", "--pdeathsig", "KILL", str(server), "--host", "127.0.0.1"]
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [*command, "--port", str(port)], stdout=stream, stderr=subprocess.STDOUT
        )
    try:
        wait_until(lambda: answers(port), "the server")
        yield os.environ | {
            "SNAKEMAKE_STORAGE_S3_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "SNAKEMAKE_STORAGE_S3_ACCESS_KEY": "test",
            "SNAKEMAKE_STORAGE_S3_SECRET_KEY": "test",
        }
    finally:
        process.kill()
        process.wait()


def answers(port: int) -> bool:
    """Whether somebody listens."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Study:
    """The pixels of the study, run into a folder."""
    return finished(tmp_path_factory.mktemp("local"), environment)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Study:
    """The same, run into a bucket."""
    return finished(tmp_path_factory.mktemp("stored"), environment, *IN_STORAGE)


def finished(folder: Path, environment: dict[str, str], *options: str) -> Study:
    """A finished study of pixels alone."""
    config = yaml.safe_load(STUDY.read_text())
    config["models"] = {"pixels": config["models"]["pixels"]}
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    study = Study(folder, environment, config=path)
    study.output = study.run(*HERE, *options)
    return study


@pytest.fixture(scope="module")
def objects(stored: Study) -> dict[str, bytes]:
    """All that lies in the bucket, by its name."""
    client = boto3.client(
        "s3",
        endpoint_url=stored.environment["SNAKEMAKE_STORAGE_S3_ENDPOINT_URL"],
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    keys = [item["Key"] for page in pages for item in page["Contents"]]
    return {key: client.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}


# Snakemake's own; and what a plan remembers of the images, which no job reads.
NOT_STORED = (".snakemake_timestamp", "image_files.parquet")


def test_all_results_are_in_the_bucket(
    local: Study, stored: Study, objects: dict[str, bytes]
) -> None:
    made = {
        path.relative_to(local.folder).as_posix()
        for path in (local.folder / "results").rglob("*")
        if path.is_file() and path.name not in NOT_STORED
    }
    assert made
    assert made <= objects.keys()
    assert not (stored.folder / "results").exists()


def test_what_is_in_the_bucket_is_what_a_local_run_made(
    local: Study, objects: dict[str, bytes]
) -> None:
    seen = 0
    for name, content in objects.items():
        if name.endswith((".digest.json", ".csv")):
            assert content == (local.folder / name).read_bytes(), name
        elif "/targets/" in name:
            found, expected = json.loads(content), json.loads((local.folder / name).read_text())
            assert found | {"provenance": None} == expected | {"provenance": None}, name
            seen += 1
    assert seen == 1 * 1 * 2 * 3


def test_nothing_runs_again(stored: Study) -> None:
    assert "Nothing to be done" in stored.run(*HERE, *IN_STORAGE)
