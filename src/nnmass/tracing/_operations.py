"""PyTorch's operations by what they do, under the names that the dispatcher gives them."""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


CONVOLUTIONS = words("""
    convolution _convolution convolution_overrideable mkldnn_convolution cudnn_convolution
    miopen_convolution miopen_depthwise_convolution _slow_conv2d_forward slow_conv3d_forward
    _conv_depthwise2d conv_depthwise3d
""")
PRODUCTS = words("mm bmm mv dot")
SUMS_OF_PRODUCTS = words("addmm baddbmm addmv")
FUSED_ATTENTION = words("""
    _scaled_dot_product_flash_attention _scaled_dot_product_flash_attention_for_cpu
    _scaled_dot_product_efficient_attention _scaled_dot_product_cudnn_attention
    _scaled_dot_product_fused_attention_overrideable
""")
RECURRENT = words("lstm gru rnn_tanh rnn_relu")

NORMS = words("""
    native_batch_norm _native_batch_norm_legit _native_batch_norm_legit_no_training
    _batch_norm_no_update _batch_norm_with_update _batch_norm_impl_index batch_norm
    cudnn_batch_norm miopen_batch_norm native_layer_norm layer_norm native_group_norm group_norm
    instance_norm rms_norm _fused_rms_norm
""")
POOLS = words("""
    avg_pool1d avg_pool2d avg_pool3d max_pool1d max_pool2d max_pool3d mkldnn_max_pool2d
    max_pool1d_with_indices max_pool2d_with_indices max_pool3d_with_indices adaptive_avg_pool1d
    _adaptive_avg_pool2d _adaptive_avg_pool3d adaptive_avg_pool2d adaptive_max_pool1d
    adaptive_max_pool2d adaptive_max_pool3d fractional_max_pool2d max_unpool2d max_unpool3d
    mkldnn_adaptive_avg_pool2d
""")
RESAMPLINGS = words("""
    upsample_nearest1d upsample_nearest2d upsample_nearest3d upsample_linear1d upsample_bilinear2d
    upsample_bicubic2d upsample_trilinear3d _upsample_nearest_exact1d _upsample_nearest_exact2d
    _upsample_nearest_exact3d _upsample_bilinear2d_aa _upsample_bicubic2d_aa grid_sampler
    grid_sampler_2d grid_sampler_3d cudnn_grid_sampler
""")
COPIES = words("""
    clone _to_copy detach alias contiguous lift_fresh lift_fresh_copy to native_dropout dropout
    _fused_dropout bernoulli reflection_pad1d reflection_pad2d reflection_pad3d replication_pad1d
    replication_pad2d replication_pad3d rrelu rrelu_with_noise view_as_real view_as_complex _conj
    conj resolve_conj real imag nan_to_num fake_quantize_per_tensor_affine_cachemask
    fake_quantize_per_channel_affine_cachemask _fused_moving_avg_obs_fq_helper
    _fake_quantize_per_tensor_affine_cachemask_tensor_qparams
    _fake_quantize_learnable_per_tensor_affine _fake_quantize_learnable_per_channel_affine
""")
SOFTMAXES = words("_softmax _safe_softmax softmax")
GATES = SOFTMAXES | words("sigmoid hardsigmoid")
ACTIVATIONS = GATES | words("""
    relu relu6 hardtanh gelu silu elu selu celu leaky_relu hardswish mish tanh softplus
    _prelu_kernel prelu rrelu log_sigmoid hardshrink softshrink threshold glu _log_softmax
""")
SAME_SHAPE = words("""
    relu relu6 hardtanh gelu silu elu selu celu leaky_relu hardswish hardsigmoid sigmoid mish tanh
    softplus
""")
"""Of one floating-point argument, with a result of its shape and type."""
BINARY = words("add sub mul div")
NORMS_OF_THREE = words("""
    native_batch_norm _native_batch_norm_legit_no_training native_layer_norm native_group_norm
""")
"""With a result like the first argument, and two statistics."""
REDUCTIONS = words("""
    mean sum nansum amax amin aminmax max min prod var std var_mean std_mean logsumexp norm
    linalg_vector_norm any all argmax argmin median count_nonzero
""")
ALONG_ONE_AXIS = words("cumsum cumprod sort topk logcumsumexp cummax cummin")
INDEX_MAKERS = words("arange linspace scalar_tensor tril_indices triu_indices eye")
CONSTANTS = words("""
    new_zeros new_ones new_full new_empty new_empty_strided zeros_like ones_like full_like
    empty_like empty_strided rand_like randn_like randint_like zero fill normal uniform random
    exponential affine_grid_generator
""")
"""What they give holds no features: it is new, or tells where features are."""
