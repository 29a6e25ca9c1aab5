"""Experiments of several trainings that check what was predicted."""

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
from nnmass.studies._rank_correlation import kendall as kendall
from nnmass.studies._rank_correlation import spearman as spearman
