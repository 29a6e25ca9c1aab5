"""What the shell offers on Tab: names that are known without torch, files or the network.

Each function takes the word so far; typer keeps what begins with it. What comes with a second
text shows it beside the word in zsh and fish.
"""

from __future__ import annotations

Offer = tuple[str, str]

RECIPE_NAMES = ("sgd", "quick", "adam", "cifar", "imagenet")
"""Those of `nnmass.train.RECIPES`, which needs torch; a test compares them."""

PROBE_NAMES = (
    *("ldi", "flow", "latency", "theory"),
    *("params", "macs", "grad_norm", "snip", "grasp"),
    *("synflow", "fisher", "jacob_cov", "naswot", "zico"),
)
"""Those of `nnmass.probes.CATALOGUE`, likewise."""


def complete_network(incomplete: str) -> list[Offer]:
    """The families as the heads of spec strings, and their examples; then keys.

    The text has a parenthesis, so in bash the word must begin with a quotation mark.

    Example:
        >>> [word for word, _ in complete_network("dense-m")]
        ['dense-mlp(', 'dense-mlp(w=8,d=16,t=8)']
        >>> [word for word, _ in complete_network("vgg(depth=16,s")]
        ['vgg(depth=16,stem=']
    """
    from nnmass.specs import FAMILIES

    name, opened, inner = incomplete.partition("(")
    if not opened:
        heads = [(f"{family}(", cls.summary) for family, cls in FAMILIES.items()]
        examples = [(cls.example, "example") for cls in FAMILIES.values()]
        return _beginning(sorted(heads + examples), incomplete)
    if name not in FAMILIES:
        return []
    *done, _ = inner.split(",")
    before = "".join(f"{field}," for field in done)
    given = {field.partition("=")[0] for field in done}
    offers = [
        (f"{name}({before}{field.key}=", field.help)
        for field in FAMILIES[name].keyed_fields()
        if field.key not in given
    ]
    return _beginning([*offers, (FAMILIES[name].example, "example")], incomplete)


def complete_family(incomplete: str) -> list[Offer]:
    """The names of the families.

    Example:
        >>> [word for word, _ in complete_family("res")]
        ['resnet', 'resnext']
    """
    from nnmass.specs import FAMILIES

    offers = [(name, cls.summary) for name, cls in FAMILIES.items()]
    return _beginning(offers, incomplete)


def complete_data(incomplete: str) -> list[Offer]:
    """The data sets, and an example of each kind that takes arguments.

    Example:
        >>> [word for word, _ in complete_data("cifar")]
        ['cifar10', 'cifar100']
    """
    from nnmass.data import DATASET_KINDS, DATASETS

    offers = [(name, info.title) for name, info in DATASETS.items()]
    offers += [(kind.example, kind.title) for kind in DATASET_KINDS.values()]
    return _beginning(offers, incomplete)


def complete_data_or_noise(incomplete: str) -> list[Offer]:
    """As `complete_data`, and ``noise``."""
    return _beginning([("noise", "drawn at random")], incomplete) + complete_data(incomplete)


def complete_recipe(incomplete: str) -> list[str]:
    """The training recipes."""
    return [name for name in RECIPE_NAMES if name.startswith(incomplete)]


def complete_probe(incomplete: str) -> list[str]:
    """Everything that `nnmass probes show` describes."""
    return [name for name in PROBE_NAMES if name.startswith(incomplete)]


def complete_measurement(incomplete: str) -> list[str]:
    """What `nnmass probe --probe` takes."""
    from nnmass.cli._probe_settings import PROBES

    return [name for name in PROBES if name.startswith(incomplete)]


def complete_device(incomplete: str) -> list[str]:
    """The devices that need no look at the machine."""
    return [name for name in ("auto", "cpu", "cuda") if name.startswith(incomplete)]


def _beginning(offers: list[Offer], incomplete: str) -> list[Offer]:
    return [offer for offer in offers if offer[0].startswith(incomplete)]
