"""Experiments that check what was predicted, and the statistics they need."""

from nnmass.studies._bootstrap import Interval as Interval
from nnmass.studies._bootstrap import RankCorrelation as RankCorrelation
from nnmass.studies._bootstrap import bootstrap_difference as bootstrap_difference
from nnmass.studies._bootstrap import bootstrap_interval as bootstrap_interval
from nnmass.studies._bootstrap import rank_correlation as rank_correlation
from nnmass.studies._equal_mass import EQUAL_MARGIN as EQUAL_MARGIN
from nnmass.studies._equal_mass import Arm as Arm
from nnmass.studies._equal_mass import ArmResult as ArmResult
from nnmass.studies._equal_mass import EqualMassResult as EqualMassResult
from nnmass.studies._equal_mass import plan_equal_mass as plan_equal_mass
from nnmass.studies._equal_mass import run_equal_mass as run_equal_mass
from nnmass.studies._equal_mass_groups import EQUAL_MASS as EQUAL_MASS
from nnmass.studies._equal_mass_groups import EqualMassGroup as EqualMassGroup
from nnmass.studies._equal_mass_groups import equal_mass_groups as equal_mass_groups
from nnmass.studies._r_squared import LineFit as LineFit
from nnmass.studies._r_squared import line_fit as line_fit
from nnmass.studies._r_squared import r_squared as r_squared
from nnmass.studies._rank_correlation import kendall as kendall
from nnmass.studies._rank_correlation import spearman as spearman
