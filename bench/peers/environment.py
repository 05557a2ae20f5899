"""What PyTorch computes with on this machine, and whether it is worth measuring.

`python environment.py` prints versions and libraries as JSON; exit status 1 and a reason when the BLAS is not an optimised one.
"""
import ctypes
import json
import os
import platform
import re
import sys

# Some machines set these for old programs. They hold OpenBLAS to another processor's kernels and caches.
FORCED_KERNELS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
# Marks of an optimised BLAS in the path of a library.
OPTIMISED = re.compile(r"openblas|libmkl|/mkl/|blis|atlas|flexiblas|nvpl|armpl|accelerate|veclib", re.IGNORECASE)
# numpy and scipy from PyPI bring an OpenBLAS of their own, which PyTorch does not use.
OF_OTHERS = re.compile(r"/(numpy|scipy)\.libs/")
REFERENCE = re.compile(r"/lib(c?blas|gslcblas)[^/]*\.so[^/]*$")
# What PyTorch calls the BLAS that is linked into it.
LINKED = {"mkl": "MKL", "open": "OpenBLAS", "accelerate": "Accelerate", "veclib": "vecLib", "flame": "BLIS", "nvpl": "NVPL"}

ADVICE = (
    "install an optimised one (Debian: apt-get install libopenblas0), "
    "or make the peer from PyPI: node bench/peers/setup.mjs"
)


def forget_forced_kernels():
    """Call before torch or numpy is imported: OpenBLAS reads its variables when it is loaded."""
    for name in FORCED_KERNELS:
        os.environ.pop(name, None)


def mapped_libraries():
    """Real paths of the shared libraries in this process; empty where the system does not tell (not Linux)."""
    try:
        with open("/proc/self/maps", encoding="utf8") as maps:
            paths = {line.split(maxsplit=5)[5].strip() for line in maps if line.count("/") > 0}
    except OSError:
        return []
    return sorted(path for path in paths if ".so" in os.path.basename(path))


def find_blas(config, libraries):
    """`(name, path)` of the optimised BLAS behind PyTorch, or `(None, path)` of another or of none.

    `config` is the text of `torch.__config__.show()`, `libraries` the result of mapped_libraries().
    """
    mkl = re.search(r"Math Kernel Library Version (\S+)", config)
    if mkl:
        return f"MKL {mkl[1]}", None
    own = [path for path in libraries if not OF_OTHERS.search(path)]
    optimised = [path for path in own if OPTIMISED.search(path)]
    if optimised:
        # Debian's libblas.so.3 of OpenBLAS is a door to the library with the kernels.
        path = next((path for path in optimised if not REFERENCE.search(path)), optimised[0])
        return os.path.basename(path), path
    reference = [path for path in own if REFERENCE.search(path)]
    linked = re.search(r"BLAS_INFO=(\w+)", config)
    if not reference and linked and linked[1] in LINKED:
        return LINKED[linked[1]], None
    return None, reference[0] if reference else None


def refusal(version, config, libraries):
    """Why this PyTorch must not be measured, or None."""
    name, path = find_blas(config, libraries)
    if name is not None:
        return None
    what = f"the reference BLAS ({path})" if path else "a BLAS that cannot be told"
    return f"PyTorch {version} multiplies matrices with {what}, so its times would say nothing: {ADVICE}"


def openblas_config(path):
    """Version and the processor whose kernels OpenBLAS has chosen, as it says itself."""
    try:
        library = ctypes.CDLL(path)
        config, core = library.openblas_get_config, library.openblas_get_corename
    except (OSError, AttributeError):
        return None
    config.restype = core.restype = ctypes.c_char_p
    version = " ".join(config().decode().split()[:2])
    return f"{version}, kernels for {core().decode()}"


def describe(torch):
    """Versions and libraries as they are written into every result."""
    config = torch.__config__.show()
    name, path = find_blas(config, mapped_libraries())
    onednn = re.search(r"MKL-DNN v(\S+)", config)
    capability = re.search(r"CPU capability usage: (\S+)", config)
    return {
        "torch": torch.__version__,
        "python": platform.python_version(),
        "blas": (openblas_config(path) if path else None) or name,
        "onednn": onednn[1] if onednn else None,
        "instructions": capability[1] if capability else None,
    }


def check(torch):
    """Ends the process with the reason, exit status 1, when PyTorch must not be measured."""
    reason = refusal(torch.__version__, torch.__config__.show(), mapped_libraries())
    if reason:
        sys.exit(reason)


def main():
    forget_forced_kernels()
    import torch

    check(torch)
    print(json.dumps(describe(torch)))


if __name__ == "__main__":
    main()
