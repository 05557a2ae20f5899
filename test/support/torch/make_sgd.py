"""Writes sgd.json: torch.optim.SGD with Nesterov's momentum under PolynomialLR, the optimiser of nnU-Net and nnssl.

Run with a Python that has torch: python3 make_sgd.py
"""

import json
import pathlib

import torch

STEPS, POWER, LR = 12, 0.9, 1e-2


def run(start, gradients, **options):
    parameter = torch.nn.Parameter(torch.tensor(start, dtype=torch.float64))
    optimiser = torch.optim.SGD([parameter], lr=LR, **options)
    schedule = torch.optim.lr_scheduler.PolynomialLR(optimiser, total_iters=STEPS, power=POWER)
    rates, values = [], []
    for gradient in gradients:
        rates.append(optimiser.param_groups[0]["lr"])
        parameter.grad = torch.tensor(gradient, dtype=torch.float64)
        optimiser.step()
        schedule.step()
        values.append(parameter.detach().tolist())
    return {"options": options, "rates": rates, "values": values}


torch.manual_seed(7)
start = torch.randn(5, dtype=torch.float64).tolist()
gradients = torch.randn(STEPS, 5, dtype=torch.float64).tolist()
runs = [
    run(start, gradients, momentum=0.99, nesterov=True, weight_decay=3e-5),
    run(start, gradients, momentum=0.9, nesterov=True, weight_decay=0.0),
    run(start, gradients, momentum=0.9, nesterov=False, weight_decay=1e-2),
]
out = {"torch": torch.__version__, "lr": LR, "power": POWER, "steps": STEPS, "start": start, "gradients": gradients, "runs": runs}
(pathlib.Path(__file__).parent / "sgd.json").write_text(json.dumps(out, indent=1) + "\n")
