#!/usr/bin/env bash
# timm 1.0.31 with torch 2.14.1: `feature_info` names modules that cannot be hooked.
#
# Each entry of `feature_info` has a key `module`. For most networks it is the name of a module whose
# output is the feature map. For MViTv2 and Twins no module of that name exists; for CoaT the names are
# those of lists of modules, which exist and are never called, so that a forward hook on them never fires.
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

for name in ("resnet18", "mvitv2_tiny", "twins_svt_small", "coat_tiny"):
    network = timm.create_model(name).eval()
    modules = dict(network.named_modules())
    named = list(dict.fromkeys(info["module"] for info in network.feature_info))
    called = []
    for module_name in named:
        if module_name in modules:
            modules[module_name].register_forward_hook(
                lambda module, inputs, output, module_name=module_name: called.append(module_name)
            )
    with torch.no_grad():
        network(torch.zeros(1, 3, 224, 224))
    exist = [module_name for module_name in named if module_name in modules]
    print(name, "named", len(named), "exist", len(exist), "called", len(set(called)))
PYTHON
cat "$folder/seen"
diff "$folder/seen" - <<'EXPECTED'
resnet18 named 5 exist 5 called 5
mvitv2_tiny named 4 exist 0 called 0
twins_svt_small named 4 exist 0 called 0
coat_tiny named 2 exist 2 called 0
EXPECTED
