"""From a spec to a module, to files and back; any network by its name."""

from nnmass.nets._build import build as build
from nnmass.nets._dense_mlp import DenseMLPNet as DenseMLPNet
from nnmass.nets._doors import SLIM_FILE as SLIM_FILE
from nnmass.nets._doors import OpenedNetwork as OpenedNetwork
from nnmass.nets._doors import has_weights as has_weights
from nnmass.nets._doors import match_networks as match_networks
from nnmass.nets._doors import open_network as open_network
from nnmass.nets._export import export_onnx as export_onnx
from nnmass.nets._files import WEIGHTS_FILE as WEIGHTS_FILE
from nnmass.nets._files import check_same_spec as check_same_spec
from nnmass.nets._files import load as load
from nnmass.nets._files import load_state as load_state
from nnmass.nets._files import read_tensors as read_tensors
from nnmass.nets._files import save as save
from nnmass.nets._files import save_weights as save_weights
from nnmass.nets._files import state_of as state_of
from nnmass.nets._initialise import generator_for as generator_for
from nnmass.nets._net import Net as Net
from nnmass.nets._residual import PadShortcut as PadShortcut
from nnmass.nets._torchvision import import_timm as import_timm
from nnmass.nets._torchvision import import_torchvision as import_torchvision
