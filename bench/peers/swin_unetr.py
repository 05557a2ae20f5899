"""Swin-UNETR (with or without v2 blocks) and the VoCo pre-training network in plain PyTorch, names and shapes as in MONAI's checkpoints.

Written for measuring: it needs only torch 1.13 or newer. `check.py` holds it against this project's fixtures.
"""
import itertools

import torch
import torch.nn.functional as F
from torch import nn

WINDOW = (7, 7, 7)


def fit_window(size, window, shift):
    """Window and shift in use: a stage not larger than the window is one window, without shift, on that axis."""
    covered = [s <= w for s, w in zip(size, window)]
    return (
        tuple(s if c else w for s, w, c in zip(size, window, covered)),
        tuple(0 if c else s for s, c in zip(shift, covered)),
    )


def partition(x, window):
    n, d, h, w, c = x.shape
    a, b, e = window
    x = x.view(n, d // a, a, h // b, b, w // e, e, c)
    return x.permute(0, 1, 3, 5, 2, 4, 6, 7).reshape(-1, a * b * e, c)


def merge(windows, window, shape):
    n, d, h, w = shape
    a, b, e = window
    x = windows.view(n, d // a, h // b, w // e, a, b, e, -1)
    return x.permute(0, 1, 4, 2, 5, 3, 6, 7).reshape(n, d, h, w, -1)


def shift_mask(size, window, shift, device):
    """-100 between tokens that were not neighbours before the cyclic shift."""
    region = torch.zeros((1, *size, 1), device=device)
    parts = [(slice(-w), slice(-w, -s), slice(-s, None)) for w, s in zip(window, shift)]
    for number, (d, h, w) in enumerate(itertools.product(*parts)):
        region[:, d, h, w, :] = number
    of = partition(region, window).squeeze(-1)
    return (of.unsqueeze(1) != of.unsqueeze(2)).to(torch.float32) * -100.0


def relative_index(window):
    grid = torch.stack(torch.meshgrid(*[torch.arange(w) for w in window], indexing="ij")).flatten(1)
    delta = (grid[:, :, None] - grid[:, None, :]).permute(1, 2, 0) + torch.tensor([w - 1 for w in window])
    sizes = [2 * w - 1 for w in window]
    return delta[..., 0] * sizes[1] * sizes[2] + delta[..., 1] * sizes[2] + delta[..., 2]


class WindowAttention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads, self.scale = heads, (dim // heads) ** -0.5
        rows = (2 * WINDOW[0] - 1) * (2 * WINDOW[1] - 1) * (2 * WINDOW[2] - 1)
        self.relative_position_bias_table = nn.Parameter(torch.zeros(rows, heads))
        nn.init.trunc_normal_(self.relative_position_bias_table, std=0.02)
        self.register_buffer("relative_position_index", relative_index(WINDOW))
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)

    def forward(self, x, mask):
        b, n, c = x.shape
        q, k, v = self.qkv(x).reshape(b, n, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        attn = (q * self.scale) @ k.transpose(-2, -1)
        index = self.relative_position_index[:n, :n].reshape(-1)
        attn = attn + self.relative_position_bias_table[index].view(n, n, -1).permute(2, 0, 1).unsqueeze(0)
        if mask is not None:
            attn = attn.view(-1, mask.shape[0], self.heads, n, n) + mask[None, :, None]
            attn = attn.view(-1, self.heads, n, n)
        return self.proj((attn.softmax(-1) @ v).transpose(1, 2).reshape(b, n, c))


class Mlp(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.linear1, self.linear2 = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)

    def forward(self, x):
        return self.linear2(F.gelu(self.linear1(x)))


class SwinBlock(nn.Module):
    def __init__(self, dim, heads, shift):
        super().__init__()
        self.shift = shift
        self.norm1, self.attn = nn.LayerNorm(dim), WindowAttention(dim, heads)
        self.norm2, self.mlp = nn.LayerNorm(dim), Mlp(dim)

    def forward(self, x, mask):
        n, d, h, w, _ = x.shape
        window, shift = fit_window((d, h, w), WINDOW, self.shift)
        y = self.norm1(x)
        pads = [(-s) % a for s, a in zip((d, h, w), window)]
        y = F.pad(y, (0, 0, 0, pads[2], 0, pads[1], 0, pads[0]))
        shape = y.shape[:4]
        if any(shift):
            y = torch.roll(y, [-s for s in shift], (1, 2, 3))
        y = self.attn(partition(y, window), mask if any(shift) else None)
        y = merge(y, window, shape)
        if any(shift):
            y = torch.roll(y, list(shift), (1, 2, 3))
        x = x + y[:, :d, :h, :w]
        return x + self.mlp(self.norm2(x))


class PatchMerging(nn.Module):
    """The released order of the eight neighbours, in which two are taken twice and two never."""

    ORDER = ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 0, 1), (0, 1, 0), (0, 0, 1), (1, 1, 1))

    def __init__(self, dim):
        super().__init__()
        self.norm, self.reduction = nn.LayerNorm(8 * dim), nn.Linear(8 * dim, 2 * dim, bias=False)

    def forward(self, x):
        return self.reduction(self.norm(torch.cat([x[:, a::2, b::2, c::2] for a, b, c in self.ORDER], -1)))


class Stage(nn.Module):
    def __init__(self, dim, depth, heads):
        super().__init__()
        half = tuple(w // 2 for w in WINDOW)
        self.blocks = nn.ModuleList(SwinBlock(dim, heads, (0, 0, 0) if i % 2 == 0 else half) for i in range(depth))
        self.downsample = PatchMerging(dim)

    def forward(self, x):
        x = x.permute(0, 2, 3, 4, 1)
        size = x.shape[1:4]
        window, shift = fit_window(size, WINDOW, tuple(w // 2 for w in WINDOW))
        padded = [-(-s // w) * w for s, w in zip(size, window)]
        mask = shift_mask(padded, window, shift, x.device) if any(shift) else None
        for block in self.blocks:
            x = block(x, mask)
        return self.downsample(x).permute(0, 4, 1, 2, 3)


def wrapped(module):
    """MONAI wraps every convolution: `conv1.conv.weight`."""
    holder = nn.Module()
    holder.conv = module
    return holder


class ResidualBlock(nn.Module):
    def __init__(self, inner, outer):
        super().__init__()
        self.conv1 = wrapped(nn.Conv3d(inner, outer, 3, padding=1, bias=False))
        self.conv2 = wrapped(nn.Conv3d(outer, outer, 3, padding=1, bias=False))
        self.conv3 = wrapped(nn.Conv3d(inner, outer, 1, bias=False)) if inner != outer else None

    def forward(self, x):
        y = F.leaky_relu(F.instance_norm(self.conv1.conv(x)), 0.01, inplace=True)
        y = F.instance_norm(self.conv2.conv(y))
        skip = x if self.conv3 is None else F.instance_norm(self.conv3.conv(x))
        return F.leaky_relu(y + skip, 0.01, inplace=True)


class BasicBlock(nn.Module):
    def __init__(self, inner, outer):
        super().__init__()
        self.layer = ResidualBlock(inner, outer)

    def forward(self, x):
        return self.layer(x)


class PatchEmbed(nn.Module):
    def __init__(self, channels, dim):
        super().__init__()
        self.proj = nn.Conv3d(channels, dim, 2, 2)

    def forward(self, x):
        return self.proj(x)


def normalized(x):
    return F.layer_norm(x.permute(0, 2, 3, 4, 1), x.shape[1:2]).permute(0, 4, 1, 2, 3)


class SwinTransformer(nn.Module):
    def __init__(self, channels, dim, depths, heads, v2=True):
        super().__init__()
        self.v2 = v2
        self.patch_embed = PatchEmbed(channels, dim)
        for i in range(4):
            setattr(self, f"layers{i + 1}", nn.ModuleList([Stage(dim << i, depths[i], heads[i])]))
        for i in range(4 if v2 else 0):
            setattr(self, f"layers{i + 1}c", nn.ModuleList([BasicBlock(dim << i, dim << i)]))

    def forward(self, x):
        x = self.patch_embed(x)
        out = [normalized(x)]
        for i in range(1, 5):
            x = getattr(self, f"layers{i}c")[0](x) if self.v2 else x
            x = getattr(self, f"layers{i}")[0](x)
            out.append(normalized(x))
        return out


class Encoder(nn.Module):
    """What VoCo pre-trains: swinViT and five residual blocks; `hidden[3]` feeds only the segmentation decoder."""

    def __init__(self, channels=1, dim=48, depths=(2, 2, 2, 2), heads=(3, 6, 12, 24), v2=True):
        super().__init__()
        self.swinViT = SwinTransformer(channels, dim, depths, heads, v2)
        self.encoder1, self.encoder2 = BasicBlock(channels, dim), BasicBlock(dim, dim)
        self.encoder3, self.encoder4 = BasicBlock(2 * dim, 2 * dim), BasicBlock(4 * dim, 4 * dim)
        self.encoder10 = BasicBlock(16 * dim, 16 * dim)

    def features(self, x):
        hidden = self.swinViT(x)
        blocks = (self.encoder1, self.encoder2, self.encoder3, self.encoder4, self.encoder10)
        return hidden, [f(y) for f, y in zip(blocks, (x, hidden[0], hidden[1], hidden[2], hidden[4]))]


class Projector(nn.Module):
    def __init__(self, inner, hidden=2048, outer=2048):
        super().__init__()
        norm = lambda size: nn.BatchNorm1d(size, affine=False, track_running_stats=False)  # noqa: E731
        self.layer1 = nn.Sequential(nn.Linear(inner, hidden), norm(hidden), nn.ReLU(inplace=True))
        self.layer2 = nn.Sequential(nn.Linear(hidden, hidden), norm(hidden), nn.ReLU(inplace=True))
        self.layer3 = nn.Linear(hidden, outer)

    def forward(self, x):
        return self.layer3(self.layer2(self.layer1(x)))


class Student(Encoder):
    def __init__(self, dim=48, hidden=2048, **options):
        super().__init__(dim=dim, **options)
        self.proj_head = Projector(24 * dim, hidden, hidden)

    def pooled(self, x):
        return torch.cat([y.mean((2, 3, 4)) for y in self.features(x)[1]], 1)

    def forward(self, x):
        return self.proj_head(self.pooled(x))


class UpBlock(nn.Module):
    def __init__(self, inner, outer):
        super().__init__()
        self.transp_conv = wrapped(nn.ConvTranspose3d(inner, outer, 2, 2, bias=False))
        self.conv_block = ResidualBlock(2 * outer, outer)

    def forward(self, x, skip):
        return self.conv_block(torch.cat([self.transp_conv.conv(x), skip], 1))


class Head(nn.Module):
    def __init__(self, inner, classes):
        super().__init__()
        self.conv = wrapped(nn.Conv3d(inner, classes, 1))

    def forward(self, x):
        return self.conv.conv(x)


class Segmenter(Encoder):
    def __init__(self, classes=14, dim=48, **options):
        super().__init__(dim=dim, **options)
        self.decoder5, self.decoder4 = UpBlock(16 * dim, 8 * dim), UpBlock(8 * dim, 4 * dim)
        self.decoder3, self.decoder2 = UpBlock(4 * dim, 2 * dim), UpBlock(2 * dim, dim)
        self.decoder1, self.out = UpBlock(dim, dim), Head(dim, classes)

    def forward(self, x):
        hidden, (e1, e2, e3, e4, e10) = self.features(x)
        y = self.decoder5(e10, hidden[3])
        for block, skip in ((self.decoder4, e4), (self.decoder3, e3), (self.decoder2, e2), (self.decoder1, e1)):
            y = block(y, skip)
        return self.out(y)
