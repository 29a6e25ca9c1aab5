"""One training loop, its recipes and its resume points; many small networks side by side."""

from nnmass.train._augment import Augment as Augment
from nnmass.train._augment import parse_augment as parse_augment
from nnmass.train._batches import check_fit as check_fit
from nnmass.train._device import resolve_device as resolve_device
from nnmass.train._loop import Step as Step
from nnmass.train._many import ManyEpoch as ManyEpoch
from nnmass.train._many import is_for_many as is_for_many
from nnmass.train._many import train_many as train_many
from nnmass.train._objective import CrossEntropy as CrossEntropy
from nnmass.train._objective import Figures as Figures
from nnmass.train._objective import Moment as Moment
from nnmass.train._objective import Objective as Objective
from nnmass.train._recipe import RECIPES as RECIPES
from nnmass.train._recipe import Recipe as Recipe
from nnmass.train._recipe import recipe_named as recipe_named
from nnmass.train._record import TrainResult as TrainResult
from nnmass.train._subject import Subject as Subject
from nnmass.train._train import train as train
from nnmass.train._train import train_module as train_module
