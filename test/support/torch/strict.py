"""Loads exported .pt files into Swin-UNETR in PyTorch and says what comes out.

Usage: python3 strict.py REQUEST.json. The network is that of MONAI where the environment variable VOCO_MONAI names a folder
with the packages monai and einops, else this project's own in bench/peers. The request has `file`, `image` and `out` (raw
float32), `size`, `classes`, `featureSize`, `useV2`, and `strict`: true loads everything and writes the logits; false, as for
an encoder alone, writes the pooled features of its five scales.
"""

import json
import os
import pathlib
import sys
import warnings

import numpy as np
import torch

warnings.filterwarnings("ignore")
monai_folder = os.environ.get("VOCO_MONAI")
if monai_folder:
    sys.path.insert(0, monai_folder)
    import monai
    from monai.networks.nets import SwinUNETR

    source = "MONAI " + monai.__version__.split("+")[0]
else:
    sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "bench" / "peers"))
    from swin_unetr import Segmenter

    source = "the peer in bench/peers"


def build(request):
    if monai_folder:
        options = {"feature_size": request["featureSize"], "use_v2": request["useV2"]}
        return SwinUNETR(tuple(request["size"]), 1, request["classes"], **options)
    return Segmenter(request["classes"], request["featureSize"], v2=request["useV2"])


def pooled(network, x):
    if monai_folder:
        hidden = network.swinViT(x, network.normalize)
        inputs = (x, hidden[0], hidden[1], hidden[2], hidden[4])
        blocks = (network.encoder1, network.encoder2, network.encoder3, network.encoder4, network.encoder10)
        features = [block(y) for block, y in zip(blocks, inputs)]
    else:
        features = network.features(x)[1]
    return torch.cat([y.mean((2, 3, 4)) for y in features], 1)


with open(sys.argv[1]) as file:
    request = json.load(file)
torch.set_num_threads(1)
network = build(request).eval()
before = {name: value.clone() for name, value in network.state_dict().items()}
state = torch.load(request["file"], map_location="cpu")
found = network.load_state_dict(state, strict=request["strict"])
x = torch.from_numpy(np.fromfile(request["image"], "<f4").reshape(1, 1, *request["size"]))
with torch.no_grad():
    y = network(x) if request["strict"] else pooled(network, x)
y.numpy().astype("<f4").tofile(request["out"])
print(
    json.dumps(
        {
            "source": source,
            "tensors": len(state),
            "missing": list(found.missing_keys),
            "unexpected": list(found.unexpected_keys),
            "shape": list(y.shape),
            # A buffer of the architecture is the same in both; everything else was drawn at random.
            "unchanged": [name for name in state if torch.equal(before[name], network.state_dict()[name])],
        }
    )
)
