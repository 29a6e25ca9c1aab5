"""The command line: one file a verb. Torch is imported by the verbs that need it."""


def main() -> None:
    """Run the command line; the entry point ``nnmass``."""
    from nnmass.cli._app import app

    app()
