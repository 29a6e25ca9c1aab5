"""From a spec to a module, and to files and back."""

from nnmass.nets._build import build as build
from nnmass.nets._net import Net as Net
