"""The training of one pack, epoch by epoch, with a curve, a best epoch and an end for each."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from nnmass.data import ImageData
from nnmass.errors import TrainingError
from nnmass.nets import DenseMLPNet
from nnmass.train._batches import epoch_order, n_steps, split_indices
from nnmass.train._checkpoint import Point, Progress
from nnmass.train._pack import transfer
from nnmass.train._pack_state import PackState
from nnmass.train._recipe import Recipe
from nnmass.train._record import TrainResult, diverged, record_of
from nnmass.train._rows import Rows
from nnmass.train._subject import Subject

_EVALUATION_BATCH = 256


class PackRun:
    """One pack from its first weights to its results.

    Args:
        nets: Built networks of one width and depth, those of one seed next to each other.
        data: What they are trained on; it fits them.
        train_rows: Its training images, of which each network keeps some for validation. They
            give the number format and the device as well.
        test_rows: Its test images.
        recipe: How.
        on_epoch: Called after every epoch with its number, how many networks were trained in it
            and how many go on.
    """

    def __init__(
        self,
        nets: Sequence[DenseMLPNet],
        data: ImageData,
        train_rows: Rows,
        test_rows: Rows,
        *,
        recipe: Recipe,
        on_epoch: Callable[[int, int, int], None],
    ) -> None:
        self.nets, self.recipe, self.info, self.on_epoch = nets, recipe, data.info, on_epoch
        self.train_rows, self.test_rows = train_rows, test_rows
        self.device = device = train_rows.raw.device
        cuts = {
            seed: split_indices(data, validation_share=recipe.validation_share, seed=seed)
            for seed in dict.fromkeys(net.seed for net in nets)
        }
        self.kept = {seed: torch.from_numpy(train) for seed, (train, _) in cuts.items()}
        self.held = {seed: torch.from_numpy(held).to(device) for seed, (_, held) in cuts.items()}
        self.all = PackState.of(
            nets, recipe, like=torch.empty(0, dtype=train_rows.dtype, device=device)
        )
        self.now = self.all
        self.places = list(range(len(nets)))  # of the networks that still train
        self.best = self.all.flat.clone()
        self.last = self.all.flat.clone()
        self.progress = [Progress(curve=[], best={}) for _ in nets]
        self.errors: dict[int, TrainingError] = {}

    @torch.no_grad()
    def run(self) -> list[TrainResult | TrainingError]:
        """Train them all."""
        epoch = 0
        while self.places:
            epoch += 1
            start = time.perf_counter()
            n_trained = len(self.places)
            points = self._epoch(epoch)
            ends = self._account(points, epoch)
            if ends:
                self._leave(ends)
            seconds = (time.perf_counter() - start) / n_trained
            for row in points:
                self.progress[row].seconds += seconds
            self.on_epoch(epoch, n_trained, len(self.places))
        return self._results()

    def _epoch(self, epoch: int) -> dict[int, Point]:
        """Train one epoch and validate; a point for each network, by its place."""
        now, recipe = self.now, self.recipe
        orders = torch.stack([self._order(seed, epoch) for seed in now.seeds])
        n_batches = n_steps(orders.shape[1], recipe.batch_size)
        parts = orders.split(recipe.batch_size, 1)[:n_batches]
        total = torch.zeros(len(now.nets), dtype=now.flat.dtype, device=self.device)
        correct = torch.zeros_like(total)
        for index, part in enumerate(parts):
            lr = recipe.lr_at((epoch - 1) * n_batches + index, steps_per_epoch=n_batches)
            losses, n_right = now.step(self.train_rows, part, lr=lr)
            total += losses * part.shape[1]
            correct += n_right
        seen = sum(part.shape[1] for part in parts)
        held = torch.stack([self.held[seed] for seed in now.seeds])
        loss, accuracy = self._evaluate(now, now.flat, self.train_rows, held)
        columns = (total / seen, correct / seen, loss, accuracy)
        names = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")
        values = zip(*(column.tolist() for column in columns), strict=True)
        return {
            place: {"epoch": epoch, "lr": lr, **dict(zip(names, numbers, strict=True))}
            for place, numbers in zip(self.places, values, strict=True)
        }

    def _order(self, seed: int, epoch: int) -> Tensor:
        kept = self.kept[seed]
        return kept[epoch_order(len(kept), seed=seed, epoch=epoch)].to(self.device)

    def _evaluate(
        self, state: PackState, flat: Tensor, rows: Rows, index: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Mean loss and accuracy of each network.

        Args:
            state: The networks.
            flat: Their weights.
            rows: The images.
            index: Which of them, for each group, or one row for all groups.
        """
        total = torch.zeros(len(state.nets), dtype=torch.float64, device=self.device)
        correct = torch.zeros_like(total)
        weights = state.layout.views(flat)
        for part in index.split(_EVALUATION_BATCH, 1):
            work = state.workspace(part.shape[1], is_training=False)
            labels = state.load(work, rows, part)
            logits = work.forward(weights)
            log_p = torch.log_softmax(logits, 1)
            total -= log_p.gather(1, labels.unsqueeze(1)).sum((1, 2))
            correct += (logits.argmax(1) == labels).sum(1)
        n_images = index.shape[1]
        return total / n_images, correct / n_images

    def _account(self, points: dict[int, Point], epoch: int) -> list[int]:
        """Lengthen the curves, keep the best weights; the rows of those that have ended."""
        improved, ends = [], []
        for row, place in enumerate(self.places):
            point, progress = points[place], self.progress[place]
            error = self._fault(point, place, epoch)
            if error is not None:
                self.errors[place] = error
                ends.append(row)
                continue
            if progress.add(point):
                improved.append(row)
            if self.recipe.is_over(
                epochs_done=progress.epochs_done, best_epoch=progress.best_epoch
            ):
                ends.append(row)
        self._keep(improved, self.best)
        return ends

    def _fault(self, point: Point, place: int, epoch: int) -> TrainingError | None:
        for name, key in (("loss", "train_loss"), ("validation loss", "validation_loss")):
            if not math.isfinite(point[key]):
                net = str(self.nets[place].spec)
                return diverged(name, point[key], net=net, epoch=epoch, recipe=self.recipe)
        return None

    def _keep(self, rows: Sequence[int], flat: Tensor) -> None:
        """Copy the weights of some networks that train to their places among all."""
        if not rows:
            return
        to = torch.tensor([self.places[row] for row in rows], device=self.device)
        index = torch.tensor(rows, device=self.device)
        transfer((self.now.layout, self.now.flat), index, (self.all.layout, flat), to)

    def _leave(self, rows: Sequence[int]) -> None:
        """Take networks out; what is left goes on without them."""
        self._keep(rows, self.last)
        gone = set(rows)
        stay = [row for row in range(len(self.places)) if row not in gone]
        self.now.workspaces.clear()
        if stay:
            self.now = self.now.narrowed(stay)
        self.places = [self.places[row] for row in stay]

    def _results(self) -> list[TrainResult | TrainingError]:
        index = torch.arange(len(self.test_rows.labels), device=self.device).unsqueeze(0)
        state = self.all
        _, last = self._evaluate(state, self.last, self.test_rows, index)
        _, best = self._evaluate(state, self.best, self.test_rows, index)
        pairs = zip(best.tolist(), last.tolist(), strict=True)
        return [
            self.errors.get(place) or self._result(place, *accuracies)
            for place, accuracies in enumerate(pairs)
        ]

    def _result(self, place: int, best: float, last: float) -> TrainResult:
        net, progress = self.nets[place], self.progress[place]
        self.all.layout.hand_back(self.best, place, net)
        sizes = {
            "train": len(self.kept[net.seed]),
            "validation": len(self.held[net.seed]),
            "test": len(self.test_rows.labels),
        }
        record = record_of(
            Subject.of_spec(net.spec),
            progress,
            dataset=self.info.name,
            sizes=sizes,
            seed=net.seed,
            recipe=self.recipe,
            device=self.device,
        )
        record = replace(record, status="finished", test_accuracy=best, last_test_accuracy=last)
        return TrainResult(net=net.eval(), record=record, curve=tuple(progress.curve))
