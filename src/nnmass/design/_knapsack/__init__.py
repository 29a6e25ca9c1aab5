"""One option for each cell at the least cost within budgets: exact. Numpy alone, no networks."""

from nnmass.design._knapsack._options import Choice as Choice
from nnmass.design._knapsack._options import Options as Options
from nnmass.design._knapsack._solver import lower_bound as lower_bound
from nnmass.design._knapsack._solver import solve as solve
