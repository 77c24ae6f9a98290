#!/usr/bin/env bash
# timm 1.0.31 with torch 2.14.1: `num_prefix_tokens` does not say how many prefix tokens a block returns.
#
# The attribute is 1 for CaiT, XCiT, ConViT and DeiT alike. A block of DeiT returns the class token and the
# patches. CaiT and XCiT add the class token after the last of `blocks`, ConViT before its last two, so
# that other blocks return the patches alone. Whoever cuts `num_prefix_tokens` rows off a block's output
# loses a patch, and the rest no longer fills the grid.
#
# Output seen: the four lines that are compared at the end.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  torch==2.14.1 torchvision==0.29.1 timm==1.0.31 2>/dev/null
"$folder/venv/bin/python" -W ignore - > "$folder/seen" <<'PYTHON'
import timm
import torch

for name in ("cait_xxs24_224", "xcit_nano_12_p16_224", "convit_tiny", "deit_tiny_patch16_224"):
    network = timm.create_model(name).eval()
    tokens = []
    for block in (network.blocks[0], network.blocks[-1]):
        block.register_forward_hook(lambda module, inputs, output: tokens.append(output.shape[1]))
    with torch.no_grad():
        network(torch.zeros(1, 3, 224, 224))
    print(name, "num_prefix_tokens", network.num_prefix_tokens, "patches", 14 * 14, "tokens", *tokens)
PYTHON
cat "$folder/seen"
diff "$folder/seen" - <<'EXPECTED'
cait_xxs24_224 num_prefix_tokens 1 patches 196 tokens 196 196
xcit_nano_12_p16_224 num_prefix_tokens 1 patches 196 tokens 196 196
convit_tiny num_prefix_tokens 1 patches 196 tokens 196 197
deit_tiny_patch16_224 num_prefix_tokens 1 patches 196 tokens 197 197
EXPECTED
