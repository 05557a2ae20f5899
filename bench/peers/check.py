"""Holds the peer network against the fixtures: bench/peers/.venv/bin/python bench/peers/check.py. Exit 0 when it is right."""
import json
import math
import os
import pathlib
import sys

import environment

environment.forget_forced_kernels()

import numpy as np  # noqa: E402
import torch  # noqa: E402

from swin_unetr import Segmenter, Student  # noqa: E402

FIXTURES = pathlib.Path(os.environ.get("VOCO_FIXTURES") or pathlib.Path(__file__).parents[2] / "test" / "fixtures")
M32 = 0xFFFFFFFF


def uniform(name, count, seed=0):
    """The closed-form numbers of the fixtures' README."""
    start = 0x811C9DC5
    for byte in name.encode():
        start = ((start ^ byte) * 0x01000193) & M32
    h = (start + np.arange(count, dtype=np.uint64) * np.uint64(0x9E3779B9) + np.uint64(seed)) & np.uint64(M32)
    h ^= h >> np.uint64(16)
    h = (h * np.uint64(0x85EBCA6B)) & np.uint64(M32)
    h ^= h >> np.uint64(13)
    h = (h * np.uint64(0xC2B2AE35)) & np.uint64(M32)
    h ^= h >> np.uint64(16)
    return h.astype(np.float64) / 2**31 - 1


def parameter(name, shape):
    u = uniform(name, math.prod(shape)).reshape(shape)
    if name.endswith("relative_position_bias_table"):
        return 0.5 * u
    if len(shape) >= 2:
        return u * math.sqrt(3 / math.prod(shape[1:]))
    return 1 + 0.1 * u if name.endswith(".weight") else 0.1 * u


def image(name, shape):
    n, c, *size = shape
    x = uniform(name + "#lattice", n * c * 125).reshape(n, c, 5, 5, 5)
    for axis, length in ((4, size[2]), (3, size[1]), (2, size[0])):
        place = np.arange(length) * 4 / length
        base = np.floor(place).astype(int)
        t = (place - base).reshape([-1 if i == axis else 1 for i in range(5)])
        low, high = np.take(x, base, axis), np.take(x, base + 1, axis)
        x = low + (high - low) * t
    noise = uniform(name, math.prod(shape)).reshape(shape)
    return (0.5 + 0.5 * (0.75 * x + 0.25 * noise)).astype(np.float32)


def fill(model):
    with torch.no_grad():
        for name, value in model.named_parameters():
            value.copy_(torch.from_numpy(parameter(name, tuple(value.shape)).astype(np.float32)))


def relative_error(tensor, entry):
    values = tensor.detach().double().flatten().numpy()[np.array(entry["idx"])]
    wanted = np.array(entry["values"])
    return float(np.max(np.abs(values - wanted) / np.maximum(np.abs(wanted), entry["std"])))


def main():
    fixture = json.loads((FIXTURES / "swin_unetr_v2.json").read_text())
    model = Segmenter(14, 12)
    fill(model)
    names = {name: list(value.shape) for name, value in model.state_dict().items()}
    problems = [] if names == {n: s for n, s in fixture["state_dict"]} else ["state_dict differs"]
    parameters = sum(p.numel() for p in model.parameters())
    if parameters != fixture["num_parameters"]:
        problems.append(f"{parameters} parameters, not {fixture['num_parameters']}")
    x = torch.from_numpy(image("unetr.x", (1, 1, 64, 64, 64)))
    with torch.no_grad():
        hidden, _ = model.features(x)
        logits = model(x)
    errors = {f"hidden{i}": relative_error(h, e) for i, (h, e) in enumerate(zip(hidden, fixture["hidden_states"]))}
    errors["logits"] = relative_error(logits, fixture["logits"])
    problems += [f"{name}: {error:.2g}" for name, error in errors.items() if not error < 3e-5]
    student = sum(p.numel() for p in Student().parameters())
    print(json.dumps({"parameters": parameters, "studentParameters48": student, "errors": errors, "problems": problems}))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
