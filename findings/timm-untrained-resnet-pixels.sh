#!/usr/bin/env bash
# timm 1.0.31 with torch 2.14.1: an untrained ResNet-18 looks at a tenth of the image's pixels.
#
# timm starts the last batch norm of each residual branch at zero (`zero_init_last`), so that before any
# training the blocks are their shortcuts, and the shortcuts between stages are 1 x 1 convolutions with a
# stride of 2, which read one place in four. Three of them leave one in 64 of the stem's outputs: of a
# 224 x 224 image, nine pixels in ten have no influence on the logits. As a baseline with "random
# weights" this is another network than torchvision's, which starts these norms at one.
#
# Output seen: the three lines that are compared at the end, the share of pixels with an influence.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  torch==2.14.1 torchvision==0.29.1 timm==1.0.31 2>/dev/null
"$folder/venv/bin/python" -W ignore - > "$folder/seen" <<'PYTHON'
import timm
import torch
import torchvision

torch.manual_seed(0)
networks = {
    "timm": timm.create_model("resnet18"),
    "timm, zero_init_last=False": timm.create_model("resnet18", zero_init_last=False),
    "torchvision": torchvision.models.resnet18(),
}
for name, network in networks.items():
    image = torch.randn(1, 3, 224, 224, requires_grad=True)
    network.eval()(image).square().sum().backward()
    print(name, f"{float((image.grad != 0).any(1).float().mean()):.1f}")
PYTHON
cat "$folder/seen"
diff "$folder/seen" - <<'EXPECTED'
timm 0.1
timm, zero_init_last=False 1.0
torchvision 1.0
EXPECTED
