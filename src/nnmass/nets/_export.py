"""Export to ONNX."""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
import warnings
from pathlib import Path

import torch

from nnmass.errors import MissingExtraError
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
        MissingExtraError: The extra ``onnx`` is not installed.
        StoreError: The file could not be written.
    """
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise MissingExtraError.of("export to ONNX", package="onnxscript", extra="onnx") from error
    parameter = next(net.parameters())
    example = torch.zeros(2, *net.spec.input_shape, device=parameter.device)
    was_training = net.training
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
        net.train(was_training)
    write_atomic(path, content)
    return Path(path)


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
