"""`nnmass slim sparse`: a network with pre-defined sparse convolutions."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from nnmass.cli._completion import complete_data, complete_network
from nnmass.cli._errors import say
from nnmass.cli._network import DataDirOption
from nnmass.cli._output import JsonOption, QuietOption, emit_json, emit_line, emit_table
from nnmass.cli._record_table import emit_record
from nnmass.cli._threads import ThreadsOption, set_threads
from nnmass.cli._training import (
    DeviceOption,
    EpochsOption,
    NTestOption,
    NTrainOption,
    RecipeOption,
    ResumeOption,
    SetOption,
    check_resume,
    read_images,
    read_recipe,
    trained_copy,
)
from nnmass.errors import SpecError

if TYPE_CHECKING:
    from torch import nn

    from nnmass.runs import RunRecord
    from nnmass.slim import Sparsification, StorageBits
    from nnmass.tracing import Topology

_PARAGRAPHS = (
    "A saved network keeps the weights of its live taps; any other gets fresh first weights for "
    "the taps that it has. With --data the sparse network is trained.",
    "Examples:",
    '  nnmass slim sparse "resnet(depth=18,stem=cifar)" --kss 2',
    "  nnmass slim sparse runs/a/best --kss 4 --data digits --epochs 5 --out runs/sparse",
)
SPARSE_EPILOG = "\n\n".join(_PARAGRAPHS)


def slim_sparse(
    network: Annotated[
        str,
        typer.Argument(
            help="A spec string, timm:NAME, torchvision:NAME, package.module:factory, or a saved "
            "folder.",
            show_default=False,
            autocompletion=complete_network,
        ),
    ],
    kss: Annotated[int, typer.Option(help="Live taps of each kernel, such as 4, 2 or 1 of 9.")] = 4,
    assign: Annotated[
        Literal["in", "periodic", "out", "random", "same"],
        typer.Option(metavar="WAY", help="in (the fast one), periodic, out, random or same."),
    ] = "in",
    dense_period: Annotated[
        int | None, typer.Option(help="One kernel of so many is dense.", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(help="Of first weights and random supports.")] = 0,
    keep_dense: Annotated[
        list[str] | None,
        typer.Option(help="Path of layers that stay dense; may be repeated.", show_default=False),
    ] = None,
    input_shape: Annotated[
        str | None,
        typer.Option("--input", help="Sizes of one input, where the network tells none."),
    ] = None,
    value_bits: Annotated[int, typer.Option(help="Bits of one weight.")] = 32,
    data: Annotated[
        str | None, typer.Option(help="Data set to train it on.", autocompletion=complete_data)
    ] = None,
    data_dir: DataDirOption = None,
    recipe: RecipeOption = "sgd",
    epochs: EpochsOption = None,
    set_: SetOption = None,
    n_train: NTrainOption = None,
    n_test: NTestOption = None,
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for the network, and in run/ its training.", show_default=False),
    ] = None,
    resume: ResumeOption = False,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Replace 3x3, 5x5 and 7x7 convolutions by sparse ones, and train the result if asked."""
    check_resume(resume, out)
    if resume and data is None:
        raise SpecError("--resume goes on with a training: it needs --data, as the training had")
    settings = read_recipe(recipe, epochs, set_)
    set_threads(threads)
    from nnmass.cli._inspection import read_shapes
    from nnmass.nets import has_weights, open_network
    from nnmass.slim import save, sparse_report, sparsify
    from nnmass.tracing import trace

    images = None
    if data is not None:
        images = read_images(data, data_dir, n_train=n_train, n_test=n_test, quiet=quiet or json)
    is_run = out is not None or data is not None
    opened = open_network(network, seed=seed, weights=is_run)
    shape = read_shapes([input_shape] if input_shape else ()) or opened.input_shape
    if shape is None:
        raise SpecError(f"{opened.name} does not tell its input: give it, as --input 3x224x224")
    slim = sparsify(
        opened.model,
        kss,
        assign,
        dense_period=dense_period,
        seed=seed,
        weights="kept" if has_weights(network) else "fresh",
        keep_dense=keep_dense or (),
    )
    dense, sparse = (trace(m, shape, name=opened.name) for m in (opened.model, slim))
    record, bits = sparse_report(slim), _storage(slim, value_bits)
    run = None
    if images is not None:
        slim, run = trained_copy(
            slim,
            images,
            name=f"{opened.name} {record.settings}",
            recipe=settings,
            seed=seed,
            folder=None if out is None else out / "run",
            resume=resume,
            device=device,
            quiet=quiet or json,
        )
    if out is not None:
        save(slim, out, network=opened.name)
        say(f"saved to {out}; nnmass.slim.load opens it")
    if json:
        _emit_document(record, dense, sparse, bits, run)
        return
    _emit(record, dense, sparse, bits)
    if run is not None:
        emit_line()
        emit_record(run)


def _storage(model: nn.Module, value_bits: int) -> dict[str, int]:
    """Bits of all convolutions and linear layers by format; layers left dense are so in each."""
    import torch
    from torch.nn.modules.conv import _ConvNd

    from nnmass.slim import PSConv2d

    total = dict.fromkeys(("dense", "csr", "fixed_taps", "compact"), 0)
    for module in model.modules():
        if isinstance(module, PSConv2d):
            bits: StorageBits = module.storage_bits(value_bits)
            total = {key: number + asdict(bits)[key] for key, number in total.items()}
        elif isinstance(module, _ConvNd | torch.nn.Linear):
            more = module.weight.numel() * value_bits
            total = {key: number + more for key, number in total.items()}
    return {"value_bits": value_bits, **total}


def _emit_document(
    record: Sparsification,
    dense: Topology,
    sparse: Topology,
    bits: dict[str, int],
    run: RunRecord | None,
) -> None:
    totals = {
        state: {
            "params": t.params,
            "macs": t.macs,
            "mass": t.mass if t.is_read else None,
            "macs_by_module": dict(t.count.by_module),
        }
        for state, t in (("dense", dense), ("sparse", sparse))
    }
    document = {"network": dense.name, **totals, "storage_bits": bits, **record.to_dict()}
    document["record"] = None if run is None else run.to_dict()
    emit_json("slim-sparse", document)


def _emit(record: Sparsification, dense: Topology, sparse: Topology, bits: dict[str, int]) -> None:
    from nnmass.report import format_mass, sparse_table

    before, after = dense.count.by_module, sparse.count.by_module
    emit_table(sparse_table(record, network=dense.name, before=before, after=after))
    emit_line()
    emit_line(
        f"params {dense.params:,} -> {sparse.params:,}, MACs {dense.macs:,} -> "
        f"{sparse.macs:,}, NN-Mass {format_mass(dense.mass)} -> {format_mass(sparse.mass)}"
    )
    emit_line(
        f"weights of {bits['value_bits']} bits: dense {bits['dense']:,} bits, CSR {bits['csr']:,}, "
        f"compact {bits['compact']:,}"
    )
