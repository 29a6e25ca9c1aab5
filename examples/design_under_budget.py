"""Design the network before training it: the same NN-Mass for fewer multiply-adds.

Takes 17 s on one slow core. Writes the folder designed.

    python examples/design_under_budget.py
"""

# %% A reference for the 8x8 digits, and the cheapest networks of its mass
import math

import nnmass
from nnmass.design import pareto_front
from nnmass.train import Recipe, train

REFERENCE = "dense-cnn(wm=1,d=16,t=20/40/60,in=1,image=8)"
reference = nnmass.parse(REFERENCE)
print(
    f"reference {reference}: NN-Mass {reference.mass:.1f}, "
    f"{reference.params:,} params, {reference.macs:,} MACs"
)

front = nnmass.design(like=reference, max_macs=0.6 * reference.macs, top=3)
for rank, candidate in enumerate(front, start=1):
    print(
        f"candidate {rank} {candidate.spec}: NN-Mass {candidate.mass:.1f}, "
        f"{candidate.params:,} params, {candidate.macs:,} MACs"
    )
proof = "proven optimal" if front.is_optimal else "the best that was found"
print(f"candidate 1 is {proof} among {front.n_covered:,} networks")

# %% What no network can do is said, with what would do
try:
    nnmass.design(like=reference, max_macs=0.2 * reference.macs)
except nnmass.errors.BudgetError as error:
    print("too small a budget:", str(error).partition(". ")[2])

# %% The front: what each further unit of mass costs at least
for point in pareto_front(like=reference, levels=5).points:
    spec = point.candidate
    print(f"front: NN-Mass {spec.mass:6.1f} for {spec.params:>9,} params, {spec.macs:>10,} MACs")

# %% Train the first candidate for a moment, save it, load it again
data = nnmass.data.load_dataset("digits")
result = train(front[0].spec, data, recipe=Recipe(epochs=2, batch_size=32, lr=0.05), seed=0)
nnmass.save(result.net, "designed")
loaded = nnmass.load("designed")
n_params = sum(math.prod(p.shape) for p in loaded.parameters())
print(f"after 2 epochs: test accuracy {result.record.test_accuracy:.1%}")
print(f"saved in designed/ and loaded again: {n_params:,} params")
