"""PyTorch's time for the workloads of `voco bench`: peer.py step|inference|resenc ..., JSON on standard output.

`step`: forward, backward and AdamW (amsgrad) of the pre-training network. `inference`: one 96^3 window of a Swin-UNETR.
`resenc`: forward, backward and SGD of nnU-Net's residual encoder U-Net.
`--tuned` starts again with glibc told to keep freed memory, which spares PyTorch most of its page faults.
A PyTorch on a BLAS that is not an optimised one is refused: see environment.py.
"""
import argparse
import json
import os
import platform
import resource
import statistics
import sys
import time

import environment

KEEP_MEMORY = {"MALLOC_TRIM_THRESHOLD_": "8589934592", "MALLOC_MMAP_THRESHOLD_": "8589934592", "MALLOC_TOP_PAD_": "67108864"}


def options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workload", choices=["step", "inference", "resenc"])
    parser.add_argument("--feature-size", type=int, help="48, of resenc 32")
    parser.add_argument("--size", type=int, help="voxels along each axis (64, inference 96)")
    parser.add_argument("--batch", type=int, help="crops in a step (2: the projector's batch norm needs two), or windows (1)")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--warmup", type=int, default=1)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--hidden", type=int, default=2048, help="width of the projector")
    parser.add_argument("--tuned", action="store_true")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--autocast", action="store_true", help="bfloat16 on a CPU, float16 on a GPU")
    parser.add_argument("--tf32", action="store_true")
    return parser.parse_args()


def trained(torch, args, model, optimizer, output_shape):
    """A step of training on random crops: forward, backward of a weighted mean of the outputs, update."""
    x = torch.rand(args.batch, 1, *[args.size] * 3, device=args.device)
    weight = torch.rand(output_shape, device=args.device)

    def step():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(args.device.split(":")[0], enabled=args.autocast):
            loss = (model(x).float() * weight).mean()
        loss.backward()
        optimizer.step()

    return step, model


def training_step(torch, args):
    from swin_unetr import Student

    model = Student(args.feature_size, args.hidden).to(args.device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.01, amsgrad=True)
    return trained(torch, args, model, optimizer, (args.batch, args.hidden))


def window_forward(torch, args):
    from swin_unetr import Segmenter

    model = Segmenter(14, args.feature_size).to(args.device).eval()
    x = torch.rand(args.batch, 1, *[args.size] * 3, device=args.device)

    def step():
        with torch.no_grad(), torch.autocast(args.device.split(":")[0], enabled=args.autocast):
            model(x)

    return step, model


def resenc_step(torch, args):
    from resenc_unet import ResEncUnet

    model = ResEncUnet(args.feature_size).to(args.device)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.99, nesterov=True, weight_decay=3e-5)
    return trained(torch, args, model, optimizer, (args.batch, 1, *[args.size] * 3))


WORKLOADS = {"step": training_step, "inference": window_forward, "resenc": resenc_step}


def main():
    args = options()
    if args.tuned and os.environ.get("MALLOC_TRIM_THRESHOLD_") != KEEP_MEMORY["MALLOC_TRIM_THRESHOLD_"]:
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **KEEP_MEMORY})
    environment.forget_forced_kernels()
    import torch

    environment.check(torch)

    threads = args.threads or len(os.sched_getaffinity(0))
    torch.set_num_threads(threads)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = args.tf32
    torch.manual_seed(0)
    trains = args.workload != "inference"
    args.size = args.size or (64 if trains else 96)
    args.batch = args.batch or (2 if trains else 1)
    args.feature_size = args.feature_size or (32 if args.workload == "resenc" else 48)
    step, model = WORKLOADS[args.workload](torch, args)
    synchronize = torch.cuda.synchronize if args.device.startswith("cuda") else lambda: None
    seconds = []
    for run in range(args.warmup + args.runs):
        synchronize()
        start = time.perf_counter()
        step()
        synchronize()
        if run >= args.warmup:
            seconds.append((time.perf_counter() - start) / args.batch)
    gpu = args.device.startswith("cuda")
    print(
        json.dumps(
            {
                "workload": args.workload,
                "seconds": statistics.median(seconds),
                "min": min(seconds),
                "max": max(seconds),
                "runs": args.runs,
                "batch": args.batch,
                "size": args.size,
                "featureSize": args.feature_size,
                "parameters": sum(p.numel() for p in model.parameters()),
                "peakBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
                "peakDeviceBytes": torch.cuda.max_memory_allocated() if gpu else None,
                "threads": threads,
                "tuned": args.tuned,
                "device": torch.cuda.get_device_name() if gpu else platform.processor() or platform.machine(),
                "precision": "autocast" if args.autocast else "tf32" if args.tf32 else "float32",
                "environment": environment.describe(torch),
            }
        )
    )


if __name__ == "__main__":
    main()
