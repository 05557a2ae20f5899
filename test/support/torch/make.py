"""Makes the small PyTorch files that the tests import, with the values that they must give.

Usage: python3 make.py [FOLDER]; needs PyTorch (1.13 made the committed files).
"""

import json
import os
import sys
from collections import OrderedDict

import torch

folder = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


def every_kind():
    """One tensor of each element type, and tensors that are views of others."""
    state = OrderedDict()
    for name, dtype in DTYPES.items():
        values = torch.tensor([[0.0, 1.5, 2.25], [3.0, 100.0, 7.0]])
        state["dtype." + name] = values.to(dtype)
        # A part of a larger storage, its axes turned and every other column left out; and a second name for it.
        larger = (torch.arange(24) % 5).reshape(4, 6).to(dtype)
        state["view." + name] = larger.t()[1::2, 1:]
        state["shared." + name] = larger
    base = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)
    state["base"] = base
    state["shared"] = base
    state["view"] = base[1]
    state["rows"] = base[:, 1:]
    state["transposed"] = base.permute(2, 0, 1)
    state["steps"] = base.reshape(-1)[3::5]
    state["half.transposed"] = torch.arange(6).half().reshape(2, 3).t()
    state["long.transposed"] = (torch.arange(6) - 2**40).reshape(2, 3).t()
    state["repeated"] = torch.tensor([2.5, -1.0]).reshape(2, 1).expand(2, 3)
    state["scalar"] = torch.tensor(-3.5)
    state["empty"] = torch.zeros(0, 4)
    state["parameter"] = torch.nn.Parameter(torch.tensor([0.5, -0.5]))
    return state


def training(state):
    """A training's file as the released code saves it: the optimizer as an object."""
    parameter = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.AdamW([parameter])
    parameter.sum().backward()
    optimizer.step()
    return {"global_step": 7, "state_dict": state, "optimizer": optimizer}


def pretraining():
    """What a pre-training with student and teacher saves, on several GPUs."""
    names = ["swinViT.patch_embed.proj.weight", "encoder1.layer.conv1.conv.weight", "proj_head.last_layer.weight"]
    state = OrderedDict()
    for number, side in enumerate(["student", "teacher"]):
        for name in names:
            state[f"module.{side}.{name}"] = torch.full((2, 1), float(number))
    return state


def values(state):
    kinds = {dtype: name for name, dtype in DTYPES.items()}
    return {
        name: {
            "dtype": kinds[tensor.dtype],
            "shape": list(tensor.shape),
            "values": tensor.detach().double().reshape(-1).tolist(),
        }
        for name, tensor in state.items()
    }


state = every_kind()
torch.save(training(state), os.path.join(folder, "zip.pt"))
torch.save(training(state), os.path.join(folder, "legacy.pt"), _use_new_zipfile_serialization=False)
torch.save(state, os.path.join(folder, "protocol4.pt"), pickle_protocol=4)
torch.save(training(pretraining()), os.path.join(folder, "pretraining.pt"))
torch.save(torch.nn.Sequential(torch.nn.Linear(2, 2)), os.path.join(folder, "module.pt"))
torch.save({"state_dict": {"z": torch.zeros(2, dtype=torch.complex64), "w": torch.ones(2)}}, os.path.join(folder, "complex.pt"))
with open(os.path.join(folder, "values.json"), "w") as file:
    json.dump(values(state), file, indent=1)
    file.write("\n")
