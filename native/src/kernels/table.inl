// The table of this instruction set, in the order of `Kernels`.
extern const Kernels table = {
    VOCO_ISA,
    unary,
    binary,
    reduce,
    softmax,
    layerNorm,
    layerNormGrad,
    instanceNorm,
    instanceNormGrad,
    groupNorm,
    groupNormGrad,
    averagePool,
    averagePoolGrad,
    addLeakyReluGrad,
    adamw,
    lerp,
};
