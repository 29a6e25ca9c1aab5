"""Score a network of your own: its cells, its NN-Mass, a drawing of its skips.

Any `torch.nn.Module` will do; nothing is trained and no weight is read.

Takes 7 s on one slow core, most of it imports. Writes my_net.svg.

    python examples/score_your_model.py
"""

# %% A network with both kinds of skips: one that is added, and some that are concatenated
from pathlib import Path

import torch
from torch import Tensor, nn

import nnmass
from nnmass.report import topology_diagram


class MyNet(nn.Module):
    """Three convolutions with an addition around them, then three whose inputs pile up."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 16, 3, padding=1)
        self.first = nn.Conv2d(16, 16, 3, padding=1)
        self.second = nn.Conv2d(16, 16, 3, padding=1)
        self.grow = nn.ModuleList(nn.Conv2d(16 + 8 * i, 8, 3, padding=1) for i in range(3))
        self.squeeze = nn.Conv2d(40, 16, 1)
        self.head = nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of 8x8 images."""
        x = torch.relu(self.stem(x))
        x = torch.relu(x + self.second(torch.relu(self.first(x))))
        for layer in self.grow:
            x = torch.cat([x, torch.relu(layer(x))], dim=1)
        return self.head(self.squeeze(x).mean((2, 3)))


model = MyNet()
topology = nnmass.trace(model, (1, 8, 8))
print(
    f"NN-Mass {topology.mass:.2f}, density {topology.density:.3f}, "
    f"{topology.params:,} params, {topology.macs:,} MACs, depth {topology.depth}"
)

# %% Its cells: what lies between two layers that everything goes through
for index, cell in enumerate(topology.cells):
    print(
        f"cell {index}: {cell.kind}, depth {cell.depth}, {cell.links} of {cell.possible_links} "
        f"links, NN-Mass {cell.mass:.2f}"
    )
    for link in cell.link_list:
        ends = f"{cell.chain[link.source]} -> {cell.chain[link.target]}"
        print(f"  {ends}: {link.channels} channels")
for note in topology.notes:
    print("note:", note)

# %% Without the two layers that the addition goes around there is nothing to skip: its mass is gone
plain = MyNet()
plain.first, plain.second = nn.Identity(), nn.Identity()
print(f"without the added skip: NN-Mass {nnmass.trace(plain, (1, 8, 8)).mass:.2f}")

# %% The skips as arcs, in a file that any browser opens
Path("my_net.svg").write_text(topology_diagram(topology) + "\n", encoding="utf-8")
print("wrote my_net.svg")
