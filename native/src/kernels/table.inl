// The table of this instruction set.
extern const Kernels table = {VOCO_ISA,      unary,         binary,         reduce,           softmax,
                              layerNorm,     layerNormGrad, instanceNorm,   instanceNormGrad, attention,
                              attentionGrad, kLanes,        winogradFloats, winograd,         winogradWeights,
                              gemmConvFloats, smallForward, smallBackwardData, smallWeights, fewChannelWeights, adamw, lerp};
