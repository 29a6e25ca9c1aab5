"""The command line: one file a verb. Torch is imported by the verbs that need it."""


def main() -> None:
    """Run the command line; the entry point ``nnmass``."""
    import sys

    if sys.argv[1:] == ["--version"]:  # asked for by scripts: no verb is imported for it
        from nnmass.cli._build_facts import version_text

        print(version_text())  # noqa: T201
        return
    from nnmass.cli._app import app
    from nnmass.cli._completion_scripts import give_completion, is_for_named_shell

    if is_for_named_shell(sys.argv[1:]):
        sys.exit(give_completion(*sys.argv[1:]))
    app(prog_name="nnmass")  # of `python -m nnmass` too: completion needs a name without spaces
