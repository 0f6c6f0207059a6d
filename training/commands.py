"""`svcodec train`."""

import click


@click.group()
def train() -> None:
    """Train models and gates of your own."""
