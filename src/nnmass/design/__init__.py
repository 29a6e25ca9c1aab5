"""The inverse problem: exact design of networks of a given mass.

No torch, but where a latency table is measured.

The room carries the name of its verb, so it can be called: ``nnmass.design(...)`` is
``nnmass.design.design(...)``, whichever was imported first.
"""

import sys
import types
from typing import Any

from nnmass.design._accuracy import AccuracyFit as AccuracyFit
from nnmass.design._accuracy import NotInFitError as NotInFitError
from nnmass.design._accuracy import Prediction as Prediction
from nnmass.design._choices import Choices as Choices
from nnmass.design._design import design as design
from nnmass.design._front import Candidate as Candidate
from nnmass.design._front import Front as Front
from nnmass.design._latency_table import LatencyTable as LatencyTable
from nnmass.design._latency_table import LayerTime as LayerTime
from nnmass.design._limits import Limits as Limits
from nnmass.design._measure_latency import measure_latency_table as measure_latency_table
from nnmass.design._pareto import FrontPoint as FrontPoint
from nnmass.design._pareto import ParetoFront as ParetoFront
from nnmass.design._pareto import pareto_front as pareto_front
from nnmass.design._reference import Reference as Reference
from nnmass.design._reference import reference_of as reference_of
from nnmass.design._request import read_request as read_request
from nnmass.design._roles import PARTS as PARTS
from nnmass.design._space import Space as Space
from nnmass.design._space_ends import space_ends as space_ends
from nnmass.design._table_error import AdditiveError as AdditiveError
from nnmass.design._table_error import NetworkCheck as NetworkCheck
from nnmass.design._table_setting import TableSetting as TableSetting


class _CallableRoom(types.ModuleType):
    def __call__(self, *args: Any, **kwargs: Any) -> Front:
        """See `nnmass.design.design`."""
        return design(*args, **kwargs)


sys.modules[__name__].__class__ = _CallableRoom
