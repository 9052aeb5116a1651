"""`python -m modelyard <step>`. Standard library only until the step is known to be runnable."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TextIO, cast

from modelyard import interruption
from modelyard.bootstrap import Job, set_defaults, start_job
from modelyard.failures import Interrupted
from modelyard.output import publish_failure

_STEPS = ("train", "prepare", "publish", "evaluate", "shadow", "serve", "serve-shared")


def main(arguments: list[str]) -> int:
    """Runs one step and returns the process's exit code."""
    if len(arguments) != 1 or arguments[0] not in _STEPS:
        print(f"usage: python -m modelyard {'|'.join(_STEPS)}", file=sys.stderr)
        return 64
    set_defaults()
    for stream in (sys.stdout, sys.stderr):
        cast(TextIO, stream).reconfigure(line_buffering=True)  # type: ignore[attr-defined]
    if arguments[0] == "serve":
        from modelyard.serve import serve

        return serve()
    if arguments[0] == "serve-shared":
        from modelyard.serve_shared import serve_shared

        return serve_shared()
    return _run_job(arguments[0])


def _run_job(step: str) -> int:
    interruption.listen()
    try:
        _run_step(step, start_job(step))
        return 0
    except BaseException as error:
        interruption.ignore()
        given = os.environ.get("MODELYARD_OUTPUT")
        ended_by = Interrupted() if interruption.requested() else error
        return publish_failure(Path(given) if given else None, ended_by)


def _run_step(step: str, job: Job) -> None:
    if step == "train":
        from modelyard.train_step import run_train

        run_train(job)
    elif step == "prepare":
        from modelyard.prepare_step import run_prepare

        run_prepare(job)
    elif step == "publish":
        from modelyard.publish_step import run_publish

        run_publish(job)
    elif step == "evaluate":
        from modelyard.evaluate_step import run_evaluate

        run_evaluate(job)
    else:
        from modelyard.shadow_step import run_shadow

        run_shadow(job)


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads of native libraries and of user code must not keep a finished job alive.
    os._exit(code)
