"""Builds the network of a checkpoint's plan as nnssl and nnU-Net do, with dynamic-network-architectures, and loads it strictly.

Usage: python3 nnssl.py REQUEST.json. The request has `packages` (the folder of dynamic-network-architectures), `file`, `image` and
`out` (raw float32, axes of nnssl’s arrays), `shape` of the image, `plan` (the JSON beside the file), and `encoder`: true for a file of an
encoder alone, whose deepest features are written.
"""

import json
import pydoc
import sys
import warnings

warnings.filterwarnings("ignore")
with open(sys.argv[1]) as file:
    request = json.load(file)
# Behind what the interpreter has: another torch must not come in.
sys.path.append(request["packages"])

import numpy as np
import torch
from dynamic_network_architectures.architectures.unet import ResidualEncoderUNet

RESENC_L = {
    "n_stages": 6,
    "features_per_stage": [32, 64, 128, 256, 320, 320],
    "conv_op": torch.nn.Conv3d,
    "kernel_sizes": [[3, 3, 3]] * 6,
    "strides": [[1, 1, 1]] + [[2, 2, 2]] * 5,
    "n_blocks_per_stage": [1, 3, 4, 6, 6, 6],
    "n_conv_per_stage_decoder": [1] * 5,
    "conv_bias": True,
    "norm_op": torch.nn.InstanceNorm3d,
    "norm_op_kwargs": {"eps": 1e-5, "affine": True},
    "nonlin": torch.nn.LeakyReLU,
    "nonlin_kwargs": {"inplace": True},
}


def network_of(plan, classes):
    """The network that the plan names; every dotted name in it is one of Python's."""
    architecture = plan["architecture_plans"]
    if architecture["arch_class_name"] == "ResEncL":
        arguments = RESENC_L
    else:
        assert architecture["arch_class_name"] == "ResidualEncoderUNet", architecture["arch_class_name"]
        arguments = dict(architecture["arch_kwargs"])
        for key in architecture["arch_kwargs_requiring_import"]:
            arguments[key] = pydoc.locate(arguments[key])
    channels = plan["pretrain_num_input_channels"]
    return ResidualEncoderUNet(channels, num_classes=classes, deep_supervision=False, **arguments)


def hand_on(network, weights, plan):
    """What fine-tuning with nnU-Net loads: all below the two keys, strictly. @returns how many keys that are"""
    count = 0
    for key in (plan["key_to_encoder"], plan["key_to_stem"]):
        part = {name[len(key) + 1 :]: value for name, value in weights.items() if name.startswith(key + ".")}
        network.get_submodule(key).load_state_dict(part, strict=True)
        count += len(part)
    for key in plan["keys_to_in_proj"]:
        assert key + ".weight" in weights, key
    return count


def is_plain(value):
    """Whether all of a value is what torch.load takes with weights_only."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and is_plain(one) for key, one in value.items())
    if isinstance(value, list):
        return all(is_plain(one) for one in value)
    return value is None or type(value) in (bool, int, float, str, torch.Tensor)


torch.set_num_threads(1)
# PyTorch 1.13, which Debian 12 has, knows no decimal numbers with weights_only: later ones do.
only = int(torch.__version__.split(".")[0]) >= 2
checkpoint = torch.load(request["file"], map_location="cpu", **({"weights_only": True} if only else {}))
assert is_plain(checkpoint), "not only plain values"
plan, weights = checkpoint["nnssl_adaptation_plan"], checkpoint["network_weights"]
with open(request["plan"]) as file:
    beside = json.load(file)
heads = [value.shape[0] for name, value in weights.items() if "seg_layers" in name and name.endswith("weight")]
network = network_of(plan, heads[0] if heads else 2).eval()
handed_on = hand_on(network_of(plan, 3), weights, plan)
loaded = network.load_state_dict(weights, strict=not request["encoder"])
x = torch.from_numpy(np.fromfile(request["image"], "<f4").reshape(request["shape"]))
with torch.no_grad():
    y = network.encoder(x)[-1] if request["encoder"] else network(x)
y.numpy().astype("<f4").tofile(request["out"])
configurations = plan["pretrain_plan"]["configurations"]
print(
    json.dumps(
        {
            "keys": len(weights),
            "wanted": len(network.state_dict()),
            "storages": len({value.data_ptr() for value in weights.values()}),
            "handedOn": handed_on,
            "missing": list(loaded.missing_keys),
            "unexpected": list(loaded.unexpected_keys),
            "shape": list(y.shape),
            "configurations": len(configurations),
            "beside": {key: value for key, value in beside.items() if key != "trainer_name"} == plan,
        }
    )
)
