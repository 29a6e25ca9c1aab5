"""Rules for weight layers, attention, and what passes channels on as they are."""

from __future__ import annotations

from torch import Tensor

from nnmass.tracing._channels import ChannelMap
from nnmass.tracing._step import Followed, Rule, Step


def convolution(step: Step) -> Followed:
    """A weight layer; a fixed filter for each channel (blurring) passes channels on."""
    x, weight, groups = step.args[0], step.args[1], int(step["groups"])
    if step.map_of(x) is None:
        return None  # a filter made from the input, over constants
    channels = step.out.shape[1]
    is_depthwise = groups == x.shape[1] == channels > 1
    if step.is_weight(weight) or step.map_of(weight) is not None:
        return step.layer(x, size=step.out.shape[2:], is_depthwise=is_depthwise)
    if groups == x.shape[1] == channels:
        return step.passes(x)
    return step.mix("convolution with fixed weights", (1,))


def product(step: Step) -> Followed:
    """Matrix product: a linear layer if one side is a weight, attention if neither is."""
    left, right = (step["self"], step["mat2"]) if "mat2" in step.arguments else _sides(step)
    return _product(step, left, right)


def _sides(step: Step) -> tuple[Tensor, Tensor]:
    if step.name in ("mv", "dot", "vdot"):
        return step.args[0], step.args[1]
    tensors = [value for value in step.args if isinstance(value, Tensor)]
    return tensors[-2], tensors[-1]


def sum_and_product(step: Step) -> Followed:
    """Matrix product plus a bias; a bias that is a feature map of full size is joined."""
    bias, left, right = step.args[:3]
    result = _product(step, left, right)
    given = step.map_of(bias)
    if given is None or not isinstance(result, ChannelMap) or bias.shape != step.out.shape:
        return result
    return step.join([result, given])


def _product(step: Step, left: Tensor, right: Tensor) -> Followed:
    on_left, on_right = step.map_of(left), step.map_of(right)
    if on_left is not None and on_right is not None:
        return step.mix("attention", _product_axes(left, right, on_left, on_right))
    if on_left is not None:
        contracted, new = left.ndim - 1, step.out.ndim - 1
        return _linear(step, left, on_left, right, contracted=contracted, new=new)
    if on_right is not None:
        contracted, new = max(right.ndim - 2, 0), max(step.out.ndim - 2, 0)
        return _linear(step, right, on_right, left, contracted=contracted, new=new)
    return None


def _linear(
    step: Step, x: Tensor, given: ChannelMap, weight: Tensor, *, contracted: int, new: int
) -> Followed:
    """A linear layer over the axis ``contracted`` of ``x``, which becomes ``new``.

    Over an axis that holds no channels (the tokens of a mixer), each channel is made from itself.
    """
    mixes_channels = not given.axes or contracted in given.axes or _is_input(step, given)
    if not mixes_channels:
        if not step.is_weight(weight):
            return given
        return step.layer(x, axes=given.axes, is_depthwise=True)
    batch = {0}.intersection(given.axes) if step.out.ndim == 3 else set[int]()
    axes = sorted({*batch, new}) if step.out.ndim else ()
    if not step.is_weight(weight):
        return step.mix("product with a fixed matrix", axes)
    return step.layer(x, axes=axes)


def _is_input(step: Step, given: ChannelMap) -> bool:
    return set(given.sources) <= step.inputs


def _product_axes(left: Tensor, right: Tensor, a: ChannelMap, b: ChannelMap) -> tuple[int, ...]:
    rows = {axis for axis in a.axes if axis < left.ndim - 1}
    columns = {axis for axis in b.axes if axis != right.ndim - 2}
    shared = {axis for axis in rows | columns if axis < left.ndim - 2}
    # Tokens stand in the rows; of channels, the left side gives what it has none of in the right.
    kept = columns or rows
    return tuple(sorted(shared | kept))


def attention(step: Step) -> Followed:
    """Fused attention, (batch, heads, tokens, channels a head)."""
    return step.mix("attention", (1, step.out.ndim - 1))


def embedding(step: Step) -> Followed:
    """Rows of a table of weights, chosen by the input."""
    return step.layer(axes=(step.out.ndim - 1,))


def recurrent(step: Step) -> Followed:
    """A recurrent layer as one layer: its channels come last."""
    return step.layer(axes=(step.out.ndim - 1,))


def passing(step: Step) -> Followed:
    """Each channel is made from itself."""
    return step.passes()


def weights_pass(step: Step) -> Followed:
    """Norms and the like: the first argument passes, and only that."""
    x = step.args[0]
    return step.passes(x) if isinstance(x, Tensor) else None


NORMS = frozenset(
    (
        "native_batch_norm _native_batch_norm_legit _native_batch_norm_legit_no_training "
        "_batch_norm_no_update _batch_norm_with_update _batch_norm_impl_index batch_norm "
        "cudnn_batch_norm miopen_batch_norm native_layer_norm layer_norm native_group_norm "
        "group_norm instance_norm rms_norm _fused_rms_norm local_response_norm"
    ).split()
)
POOLS = frozenset(
    (
        "avg_pool1d avg_pool2d avg_pool3d max_pool1d max_pool2d max_pool3d mkldnn_max_pool2d "
        "max_pool1d_with_indices max_pool2d_with_indices max_pool3d_with_indices "
        "adaptive_avg_pool1d _adaptive_avg_pool2d _adaptive_avg_pool3d adaptive_avg_pool2d "
        "adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d fractional_max_pool2d "
        "max_unpool2d max_unpool3d"
    ).split()
)
RESAMPLINGS = frozenset(
    (
        "upsample_nearest1d upsample_nearest2d upsample_nearest3d upsample_linear1d "
        "upsample_bilinear2d upsample_bicubic2d upsample_trilinear3d _upsample_nearest_exact1d "
        "_upsample_nearest_exact2d _upsample_bilinear2d_aa _upsample_bicubic2d_aa "
        "_upsample_nearest_exact3d grid_sampler_2d grid_sampler_3d grid_sampler "
        "affine_grid_generator"
    ).split()
)
COPIES = frozenset(
    (
        "clone _to_copy detach alias contiguous lift_fresh lift_fresh_copy to native_dropout "
        "dropout _fused_dropout bernoulli reflection_pad1d reflection_pad2d reflection_pad3d "
        "replication_pad1d replication_pad2d replication_pad3d _prelu_kernel prelu rrelu "
        "rrelu_with_noise view_as_real view_as_complex _conj conj resolve_conj real imag "
        "masked_fill nan_to_num fill_diagonal"
    ).split()
)
FOURIER = frozenset({"_fft_r2c", "_fft_c2r", "_fft_c2c"})


def fourier(step: Step) -> Followed:
    """Over axes of space, channels pass."""
    tensor, given = step.read[0]
    dims = {int(axis) % tensor.ndim for axis in step["dim"]}
    return step.mix("Fourier transform over channels") if dims.intersection(given.axes) else given


RULES: dict[str, Rule] = {
    **dict.fromkeys((*NORMS, *POOLS, *RESAMPLINGS, *COPIES), weights_pass),
    **dict.fromkeys(FOURIER, fourier),
    **dict.fromkeys(("convolution", "_convolution", "convolution_overrideable"), convolution),
    **dict.fromkeys(("mkldnn_convolution", "cudnn_convolution"), convolution),
    **dict.fromkeys(("mm", "bmm", "mv", "dot", "matmul"), product),
    **dict.fromkeys(("addmm", "baddbmm", "addmv", "addbmm"), sum_and_product),
    **dict.fromkeys(
        (
            "scaled_dot_product_attention",
            "_scaled_dot_product_attention_math",
            "_scaled_dot_product_flash_attention",
            "_scaled_dot_product_flash_attention_for_cpu",
            "_scaled_dot_product_efficient_attention",
            "_scaled_dot_product_cudnn_attention",
        ),
        attention,
    ),
    **dict.fromkeys(("embedding", "_embedding_bag"), embedding),
    **dict.fromkeys(("lstm", "gru", "rnn_tanh", "rnn_relu", "mkldnn_rnn_layer"), recurrent),
}
