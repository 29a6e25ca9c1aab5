"""Which spec describes a network that somebody else built."""

from typing import TYPE_CHECKING

from nnmass._lazy import lazy_names
from nnmass.recognition._recognition import Recognition as Recognition

if TYPE_CHECKING:
    from nnmass.recognition._recognise import recognise as recognise

__getattr__ = lazy_names(__name__, {"recognise": "nnmass.recognition._recognise"})
