"""`serve-shared`: many models in one process, by the routes of SageMaker's multi-model containers."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass

from modelyard.bootstrap import enter_environment, home_folder
from modelyard.failures import JobFailure
from modelyard.variables import Variables

_MODELS = 64
_MEMORY_MIB = 2048


@dataclass(frozen=True)
class Settings:
    """`models` in memory at once, and `memory_bytes` the process may have before another one is loaded.

    `token`: what whoever adds and deletes models has to show; empty where nobody else reaches the server.
    """

    host: str
    port: int
    allowed_types: tuple[str, ...]
    models: int
    memory_bytes: int
    token: str


def serve_shared() -> int:
    """Serves until SIGTERM (0), or ends with a failure's exit code when its settings are wrong."""
    try:
        settings = read_settings(Variables(os.environ))
    except JobFailure as failure:
        print(f"{type(failure).__name__}: {failure}", file=sys.stderr)
        return failure.exit_code
    enter_environment(None, home_folder(), "serve-shared")
    # Compiled files beside a model's code would change the digest of the folder, which is checked at every load.
    sys.dont_write_bytecode = True
    from modelyard.sharedroutes import serve_models

    asyncio.run(serve_models(settings))
    return 0


def read_settings(variables: Variables) -> Settings:
    """BadJob names every variable that is missing or wrong."""
    settings = Settings(
        variables.optional("HOST", "127.0.0.1"),
        variables.port("PORT"),
        variables.names("MODELYARD_ALLOWED_TYPES"),
        variables.count("MODELYARD_SHARED_MODELS", _MODELS),
        variables.count("MODELYARD_SHARED_MEMORY_MIB", _MEMORY_MIB) * 1024 * 1024,
        variables.optional("MODELYARD_HOST_INSTANCE"),
    )
    variables.check()
    return settings
