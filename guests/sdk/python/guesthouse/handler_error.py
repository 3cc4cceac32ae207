"""The contract's error, by one name in all worlds."""

try:
    from wit_world.imports.types import HandlerError
except ImportError:
    # The worlds with HTTP have two interfaces with this name.
    from wit_world.imports.guesthouse_lambda_types import HandlerError

__all__ = ["HandlerError"]
