"""nnU-Net's residual encoder U-Net in plain PyTorch, as dynamic-network-architectures builds ResEnc-M, -L and -XL.

Written for measuring: one channel in and out, no deep supervision, though every resolution of the decoder has its last layer.
"""
import torch
import torch.nn.functional as F
from torch import nn

BLOCKS = (1, 3, 4, 6, 6, 6)


class Unit(nn.Module):
    """Convolution, instance norm and, where asked for, leaky ReLU."""

    def __init__(self, inner, outer, kernel=3, stride=1, bias=True, active=True):
        super().__init__()
        self.conv = nn.Conv3d(inner, outer, kernel, stride, (kernel - 1) // 2, bias=bias)
        self.norm = nn.InstanceNorm3d(outer, affine=True)
        self.active = active

    def forward(self, x):
        x = self.norm(self.conv(x))
        return F.leaky_relu(x, 0.01, inplace=True) if self.active else x


class Block(nn.Module):
    def __init__(self, inner, outer, stride):
        super().__init__()
        self.conv1, self.conv2 = Unit(inner, outer, 3, stride), Unit(outer, outer, active=False)
        skip = [nn.AvgPool3d(stride)] if stride > 1 else []
        if inner != outer:
            skip.append(Unit(inner, outer, 1, bias=False, active=False))
        self.skip = nn.Sequential(*skip)

    def forward(self, x):
        return F.leaky_relu(self.conv2(self.conv1(x)) + self.skip(x), 0.01, inplace=True)


class ResEncUnet(nn.Module):
    """[N, 1, D, H, W] to [N, 1, D, H, W]; `width` is the channels of the first stage."""

    def __init__(self, width=32):
        super().__init__()
        features = [min(10 * width, width << i) for i in range(len(BLOCKS))]
        self.stem = Unit(1, width)
        before = [width, *features[:-1]]
        self.stages = nn.ModuleList(
            nn.Sequential(*(Block(a if i == 0 else b, b, 2 if i == 0 and stage > 0 else 1) for i in range(count)))
            for stage, (a, b, count) in enumerate(zip(before, features, BLOCKS))
        )
        steps = list(zip(features[:0:-1], features[-2::-1]))
        self.ups = nn.ModuleList(nn.ConvTranspose3d(a, b, 2, 2) for a, b in steps)
        self.joins = nn.ModuleList(Unit(2 * b, b) for _, b in steps)
        self.outputs = nn.ModuleList(nn.Conv3d(b, 1, 1) for _, b in steps)

    def forward(self, x):
        x, skips = self.stem(x), []
        for stage in self.stages:
            x = stage(x)
            skips.append(x)
        for up, join, skip in zip(self.ups, self.joins, skips[-2::-1]):
            x = join(torch.cat([up(x), skip], 1))
        return self.outputs[-1](x)
