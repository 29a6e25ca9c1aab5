"""What nnmass can use: the packages of pyproject.toml, and how each is really opened."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Package:
    """A package that nnmass needs, or can use.

    Attributes:
        name: As pip knows it.
        minimum: The oldest version that pyproject.toml allows.
        module: What must be there.
        extra: Of pyproject.toml; None for what nnmass cannot work without.
        opened: What is imported in turn, as ``module``, or as ``module:function``, which is then
            called; the module alone unless told.
    """

    name: str
    minimum: str
    module: str
    extra: str | None = None
    opened: tuple[str, ...] = ()

    @property
    def targets(self) -> tuple[str, ...]:
        """What is imported in turn."""
        return self.opened or (self.module,)


PURPOSES = {
    "report": "interactive figures",
    "explore": "the explorer",
    "images": "folders of images",
    "onnx": "ONNX files",
    "zoo": "networks of timm and torchvision",
    "ray": "studies on a Ray cluster",
    "parquet": "study tables as Parquet",
    "mlflow": "study tables for MLflow",
    "tensorboard": "study tables for TensorBoard",
    "docs": "the documentation site",
}
"""What each extra is for."""

TORCH = "torch"
_TORCH_FACTS = "nnmass.cli._doctor_torch:torch_facts"
# As nnmass opens them, beside a CPU-only torch too.
_TIMM, _TORCHVISION = ("nnmass.nets:import_timm",), ("nnmass.nets:import_torchvision",)
_TENSORBOARD = ("tensorboard", "torch.utils.tensorboard")

PACKAGES = (
    Package("numpy", "1.26", "numpy"),
    Package(TORCH, "2.6", "torch", opened=("torch", _TORCH_FACTS)),
    Package("typer", "0.12", "typer"),
    Package("rich", "13", "rich", opened=("rich.console",)),
    Package("safetensors", "0.4", "safetensors"),
    Package("jinja2", "3.1", "jinja2"),
    Package("torchvision", "0.21", "torchvision", "zoo", _TORCHVISION),
    Package("timm", "1.0", "timm", "zoo", _TIMM),
    Package("plotly", "6", "plotly", "report", ("plotly.graph_objects",)),
    Package("starlette", "0.40", "starlette", "explore", ("starlette.applications",)),
    Package("uvicorn", "0.30", "uvicorn", "explore"),
    Package("pillow", "10", "PIL", "images", ("PIL.Image",)),
    Package("onnx", "1.16", "onnx", "onnx"),
    Package("onnxscript", "0.2", "onnxscript", "onnx"),
    Package("onnxruntime", "1.18", "onnxruntime", "onnx"),
    Package("ray", "2.40", "ray", "ray"),
    Package("pyarrow", "14", "pyarrow", "parquet", ("pyarrow.parquet",)),
    Package("mlflow", "2.10", "mlflow", "mlflow", ("mlflow.tracking",)),
    Package("tensorboard", "2.14", "tensorboard", "tensorboard", _TENSORBOARD),
    Package("mkdocs-material", "9.5", "material", "docs", ("mkdocs", "material")),
    Package("mkdocstrings", "0.26", "mkdocstrings", "docs"),
)
"""What cannot be done without, then the extras; each before what needs it."""
