// The kernels that multiply, in the order of `Products`.
static constexpr Products kProducts = {
    attention,
    attentionGrad,
    tokenAttention,
    tokenAttentionGrad,
    kLanes,
    winogradFloats,
    winograd,
    winogradWeights,
    gemmConvFloats,
    smallForward,
    smallBackwardData,
    smallWeights,
    fewChannelWeights,
    toBf16,
    roundToBf16,
};
