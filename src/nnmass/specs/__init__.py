"""Families of networks as data, with closed forms of mass, parameters and multiply-adds."""

from typing import TYPE_CHECKING

from nnmass._lazy import lazy_names
from nnmass.specs._cost import Cost as Cost
from nnmass.specs._cost import strided as strided
from nnmass.specs._dense_cnn import CellPlan as CellPlan
from nnmass.specs._dense_cnn import DenseCNN as DenseCNN
from nnmass.specs._dense_cnn import DenseCNNDepthwise as DenseCNNDepthwise
from nnmass.specs._dense_cnn import DenseConvSpec as DenseConvSpec
from nnmass.specs._dense_memory import most_kept_channels as most_kept_channels
from nnmass.specs._dense_mlp import DenseMLP as DenseMLP
from nnmass.specs._densenet import DenseNet as DenseNet
from nnmass.specs._families import FAMILIES as FAMILIES
from nnmass.specs._families import SPEC_FILE as SPEC_FILE
from nnmass.specs._families import family_class as family_class
from nnmass.specs._families import parse as parse
from nnmass.specs._families import read_spec as read_spec
from nnmass.specs._families import spec_from_dict as spec_from_dict
from nnmass.specs._families import split_spec as split_spec
from nnmass.specs._layer import Layer as Layer
from nnmass.specs._layer import LayerKind as LayerKind
from nnmass.specs._layer_rules import block_layers as block_layers
from nnmass.specs._layer_rules import cell_layers as cell_layers
from nnmass.specs._layer_rules import layers_of as layers_of
from nnmass.specs._layer_rules import linked_layer as linked_layer
from nnmass.specs._layer_rules import transition_layers as transition_layers
from nnmass.specs._mobilenet_v2 import InvertedResidual as InvertedResidual
from nnmass.specs._mobilenet_v2 import MobileNetV2 as MobileNetV2
from nnmass.specs._mobilenet_v2 import rounded_channels as rounded_channels
from nnmass.specs._residual import ResidualSpec as ResidualSpec
from nnmass.specs._residual_block import ResidualBlock as ResidualBlock
from nnmass.specs._residual_layout import BASIC_STAGES as BASIC_STAGES
from nnmass.specs._residual_layout import BOTTLENECK_STAGES as BOTTLENECK_STAGES
from nnmass.specs._residual_layout import PLANES as PLANES
from nnmass.specs._resnet import ResNet as ResNet
from nnmass.specs._resnext import ResNeXt as ResNeXt
from nnmass.specs._spec import FLOAT32_BYTES as FLOAT32_BYTES
from nnmass.specs._spec import Spec as Spec
from nnmass.specs._vgg import VGG as VGG
from nnmass.specs._wide_resnet import WideResNet as WideResNet

if TYPE_CHECKING:
    from nnmass.specs._dense_block_prices import Prices as Prices
    from nnmass.specs._dense_block_prices import compressed_channels as compressed_channels
    from nnmass.specs._dense_block_prices import price_dense_blocks as price_dense_blocks
    from nnmass.specs._dense_block_prices import price_transitions as price_transitions

_PRICES = ("Prices", "compressed_channels", "price_dense_blocks", "price_transitions")

__getattr__ = lazy_names(__name__, dict.fromkeys(_PRICES, "nnmass.specs._dense_block_prices"))
