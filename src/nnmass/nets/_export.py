"""Export to ONNX."""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
import warnings
from pathlib import Path

import torch

from nnmass.errors import MissingExtraError, SpecError
from nnmass.nets._net import Net
from nnmass.runs import write_atomic


def export_onnx(net: Net, path: str | Path) -> Path:
    """Write ``net`` in inference mode as an ONNX model with a free batch size.

    Args:
        net: A network from `nnmass.build` or `nnmass.load`; it is left as it was.
        path: The ``.onnx`` file, written whole or not at all.

    Returns:
        The file. Its input is called ``images``, its output ``logits``.

    Raises:
        SpecError: ``net`` was not built from a spec, or is on the meta device.
        MissingExtraError: The extra ``onnx`` is not installed.
        StoreError: The file could not be written.
    """
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise MissingExtraError.of("export to ONNX", package="onnxscript", extra="onnx") from error
    example = _example(net)
    was_training = {module: module.training for module in net.modules()}
    net.eval()
    try:
        with tempfile.TemporaryDirectory() as folder, _quiet():
            file = Path(folder) / "model.onnx"
            torch.onnx.export(
                net,
                (example,),
                str(file),
                dynamo=True,
                external_data=False,
                input_names=["images"],
                output_names=["logits"],
                dynamic_shapes=({0: torch.export.Dim("batch")},),
            )
            content = file.read_bytes()
    finally:
        for module, mode in was_training.items():
            module.training = mode
    write_atomic(path, content)
    return Path(path)


def _example(net: Net) -> torch.Tensor:
    """Two inputs of the network, on its device and in its number format."""
    if not isinstance(net, Net):
        raise SpecError(
            f"export_onnx takes a network from nnmass.build or nnmass.load, got a "
            f"{type(net).__name__}; export other modules with torch.onnx.export"
        )
    weights = next(net.parameters())
    if weights.is_meta:
        raise SpecError(
            f"export_onnx got {net.spec} on the meta device, where it has no weights; build it on "
            "another device"
        )
    return torch.zeros(2, *net.spec.input_shape, device=weights.device, dtype=weights.dtype)


@contextlib.contextmanager
def _quiet():  # type: ignore[no-untyped-def]  # noqa: ANN202
    """The exporter prints its progress and warns of its own internals; neither is of use here."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
