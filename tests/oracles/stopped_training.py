"""A training that is stopped in the middle of an epoch and goes on."""

from __future__ import annotations

import pytest

from nnmass.train import train_module


class Stop(Exception):  # noqa: N818
    """What stops it."""


def stopped_and_resumed(net, data, folder, *, epoch, step, **arguments):
    """The result of a training that was stopped at this step, and then resumed."""

    def watch(at):
        if (at.epoch, at.step) == (epoch, step):
            raise Stop

    with pytest.raises(Stop):
        train_module(net, data, folder=folder, on_step=watch, **arguments)
    return train_module(net, data, folder=folder, resume=True, **arguments)
