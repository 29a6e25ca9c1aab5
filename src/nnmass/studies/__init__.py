"""Experiments of several trainings that check what was predicted."""

from nnmass.studies._equal_mass import EQUAL_MARGIN as EQUAL_MARGIN
from nnmass.studies._equal_mass import Arm as Arm
from nnmass.studies._equal_mass import ArmResult as ArmResult
from nnmass.studies._equal_mass import EqualMassResult as EqualMassResult
from nnmass.studies._equal_mass import plan_equal_mass as plan_equal_mass
from nnmass.studies._equal_mass import run_equal_mass as run_equal_mass
