"""Writes test/fixtures/nifti_zoo.json: NIfTI files of many kinds, made by nibabel, with what nibabel reads from them.

    /usr/bin/python3 test/support/nibabel/zoo.py        (Debian: python3-nibabel)

Each entry has the file's bytes (base64), nibabel's shape, affine, axis codes, and all values (scaled; the first axis slowest).
"""

import base64
import gzip
import json
from pathlib import Path

import nibabel as nib
import numpy as np

SIZE = (5, 6, 4)
TURN = nib.eulerangles.euler2mat(0.2, -0.35, 0.5)
LAS = np.array([[-2, 0, 0, 7], [0, 2.5, 0, -9], [0, 0, 3, 4], [0, 0, 0, 1.0]])


def affine(matrix, origin=(-10, 12, 30)):
    out = np.eye(4)
    out[:3, :3] = matrix
    out[:3, 3] = origin
    return out


def values(dtype, size=SIZE):
    n = int(np.prod(size))
    i = np.arange(n)
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        out = (i - n / 2) * 1.25 + 0.125
    elif dtype.itemsize == 8:
        out = i * (2**44) // 3 - (2**43 if dtype.kind == "i" else 0)
    else:
        info = np.iinfo(dtype)
        step = (int(info.max) - int(info.min)) // n
        out = int(info.min) + i * step
    return out.astype(dtype).reshape(size)



def make(data, matrix, *, version=1, big=False, forms=("sform", "qform"), scale=None):
    image_class = nib.Nifti1Image if version == 1 else nib.Nifti2Image
    header = image_class.header_class(endianness=">" if big else "<")
    header.set_data_dtype(data.dtype)
    image = image_class(data, None, header)
    image.header["pixdim"][1:4] = nib.affines.voxel_sizes(matrix)
    image.set_sform(matrix if "sform" in forms else None, code=1 if "sform" in forms else 0)
    image.set_qform(matrix if "qform" in forms else None, code=1 if "qform" in forms else 0)
    image.header.set_xyzt_units("mm")
    if scale:
        image.header.set_slope_inter(*scale)
    return image


def bytes_of(image, compressed):
    raw = image.to_bytes()
    return gzip.compress(raw, mtime=0) if compressed else raw


def entry(name, image, reason):
    data = bytes_of(image, name.endswith(".gz"))
    plain = gzip.decompress(data) if name.endswith(".gz") else data
    read = type(image).from_bytes(plain)
    best = read.header.get_best_affine()
    return {
        "name": name,
        "about": reason,
        "base64": base64.b64encode(data).decode(),
        "shape": list(read.shape),
        "affine": best.tolist(),
        "axcodes": "".join(nib.aff2axcodes(best)),
        "values": [float(v) for v in np.asanyarray(read.dataobj).ravel()],
    }


def zoo():
    types = ["u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"]
    for at, code in enumerate(types):
        for big in (False, True):
            dtype = np.dtype(code)
            name = f"{dtype.name}-{'big' if big else 'little'}.nii{'.gz' if (at + big) % 2 else ''}"
            yield name, make(values(dtype), LAS, version=1 + at % 2, big=big), f"datatype, NIfTI-{1 + at % 2}"
    short = values("i2")
    yield "oblique.nii.gz", make(short, affine(TURN @ np.diag([2, 2.5, 3]))), "turned axes"
    yield "left-handed.nii", make(short, affine(TURN @ np.diag([-2, 2.5, 3]))), "left-handed, turned"
    swapped = np.array([[0, 0, -3], [2, 0, 0], [0, -2.5, 0.0]])
    yield "permuted.nii", make(short, affine(swapped)), "axes towards anterior, inferior, left"
    yield "qform-only.nii", make(short, affine(TURN @ np.diag([2, 2.5, -3])), forms=("qform",)), "no sform"
    disagree = make(short, LAS)
    disagree.set_qform(affine(np.diag([2, 2.5, 3])), code=1)
    yield "disagree.nii", disagree, "sform and qform contradict each other"
    yield "no-forms.nii", make(short, np.diag([2, 2.5, 3, 1.0]), forms=()), "neither sform nor qform"
    yield "scaled.nii.gz", make(short, LAS, scale=(0.5, -20)), "slope and intercept"
    yield "four.nii", make(values("i2", (*SIZE, 3)), LAS), "three volumes"
    yield "flat.nii", make(values("i2", (7, 6)), LAS), "two dimensions"
    yield "thin.nii.gz", make(values("i2", (7, 1, 6)), LAS), "one voxel thick"


if __name__ == "__main__":
    target = Path(__file__).parents[2] / "fixtures" / "nifti_zoo.json"
    files = [entry(*one) for one in zoo()]
    target.write_text(json.dumps({"nibabel": nib.__version__, "files": files}) + "\n")
    print(f"{target}: {len(files)} files, {target.stat().st_size} bytes")
