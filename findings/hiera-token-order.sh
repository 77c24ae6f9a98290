#!/usr/bin/env bash
# timm 1.0.31 with torch 2.14.1: the tokens of a Hiera block do not lie in the order of the image.
#
# Hiera rearranges its tokens before the first block so that pooling is a maximum over neighbours in
# memory. The 3,136 tokens of `blocks.0` can be reshaped to 56 x 56 without an error, and the picture
# is wrong: here one corner of the image is changed, and a quarter of the change lies in that quarter of
# the reshaped map, as chance would have it. `reroll` puts the tokens back, and all of it lies there.
#
# Output seen: the two lines that are compared at the end.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  torch==2.14.1 torchvision==0.29.1 timm==1.0.31 2>/dev/null
"$folder/venv/bin/python" -W ignore - > "$folder/seen" <<'PYTHON'
import timm
import torch

torch.manual_seed(0)
network = timm.create_model("hiera_tiny_224").eval()
tokens = []
network.blocks[0].register_forward_hook(lambda module, inputs, output: tokens.append(output))
images = torch.randn(1, 3, 224, 224)
changed = images.clone()
changed[..., -32:, :32] += 1.0  # the corner at the bottom left
with torch.no_grad():
    network(images)
    network(changed)


def share_at_the_bottom_left(maps):
    """Share of the change, as squared differences, in that quarter of a map (56, 56, channel)."""
    change = (maps[1] - maps[0]).square().sum(-1)
    return float(change[28:, :28].sum() / change.sum())


unordered = [one.reshape(56, 56, -1) for one in tokens]
ordered = [network.reroll(one, 0).reshape(56, 56, -1) for one in tokens]
print("reshaped", f"{share_at_the_bottom_left(unordered):.1f}")
print("rerolled", f"{share_at_the_bottom_left(ordered):.1f}")
PYTHON
cat "$folder/seen"
diff "$folder/seen" - <<'EXPECTED'
reshaped 0.3
rerolled 1.0
EXPECTED
