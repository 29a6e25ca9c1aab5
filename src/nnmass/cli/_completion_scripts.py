"""``--show-completion`` and ``--install-completion`` with the name of a shell behind them.

Typer looks for the shell that is running; that fails in a Makefile or a container's build, and
gives the wrong script to those who write one for another shell.
"""

from __future__ import annotations

from nnmass.cli._errors import exit_code, say
from nnmass.errors import NNMassError, SpecError, StoreError, did_you_mean

SHELLS = ("bash", "zsh", "fish", "powershell", "pwsh")
_SHOW, _INSTALL = "--show-completion", "--install-completion"
_PROGRAM, _VARIABLE = "nnmass", "_NNMASS_COMPLETE"


def is_for_named_shell(arguments: list[str]) -> bool:
    """Whether the command line is one of the two options and a word."""
    return len(arguments) == 2 and arguments[0] in (_SHOW, _INSTALL)


def give_completion(option: str, shell: str) -> int:
    """Print the script, or install it and say where; gives the exit code."""
    try:
        text = _completion_text(option, shell)
    except NNMassError as error:
        say(f"nnmass {option}: {error}")
        return exit_code(error)
    print(text)  # noqa: T201
    return 0


def _completion_text(option: str, shell: str) -> str:
    if shell not in SHELLS:
        raise SpecError(
            f"unknown shell {shell!r}.{did_you_mean(shell, SHELLS)} Known are "
            f"{', '.join(SHELLS)}; without a name it is the one that is running"
        )
    from typer import _completion_shared as completion

    if option == _SHOW:
        return completion.get_completion_script(
            prog_name=_PROGRAM, complete_var=_VARIABLE, shell=shell
        )
    try:
        _, path = completion.install(shell=shell, prog_name=_PROGRAM, complete_var=_VARIABLE)
    except OSError as error:
        raise StoreError(
            f"the completion of {shell} could not be written: {error}; print it with "
            f"`nnmass {_SHOW} {shell}` and put it where {shell} reads it"
        ) from error
    return f"{shell}: completion is in {path}; it works in shells that start from now on"
