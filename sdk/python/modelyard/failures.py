"""Failures a job ends with, and the exit code of each. Standard library only."""

from __future__ import annotations

import errno


class JobFailure(Exception):
    """A named end of a job. Codes 64 to 79 are the user's to mend and are not retried; 75 is retried."""

    exit_code = 64


class BadJob(JobFailure):
    """The job document is wrong."""

    exit_code = 64


class BadData(JobFailure):
    """The data cannot be read, lacks a column, or leaves nothing to train on or to hold out."""

    exit_code = 65


class BadCode(JobFailure):
    """The code archive is missing, altered or unsafe to unpack."""

    exit_code = 66


class UserCodeFailed(JobFailure):
    """The user's code raised; `__cause__` is its exception."""

    exit_code = 70


class NotAModel(JobFailure):
    """The user's `train` returned something that cannot score rows."""

    exit_code = 71


class NanPredictions(JobFailure):
    """The model answers NaN or infinity for rows of the holdout."""

    exit_code = 72


class TypeNotAllowed(JobFailure):
    """A model file holds a type outside the allow-list."""

    exit_code = 73


class EnvironmentFailed(JobFailure):
    """The environment for requirements.txt cannot be built."""

    exit_code = 74


class TryAgain(JobFailure):
    """The registry, the artifact store or the disk refuses for now."""

    exit_code = 75


class IntegrityError(JobFailure):
    """A stored file is missing or its content differs from its digest."""

    exit_code = 76


class Interrupted(KeyboardInterrupt):
    """SIGTERM. A KeyboardInterrupt, so that `except Exception` in user code does not swallow it."""

    exit_code = 143


def classify(error: BaseException) -> tuple[str, str, int]:
    """The (type, message, exit code) a job reports for `error`; 1 is a fault of the harness itself."""
    if isinstance(error, (Interrupted, KeyboardInterrupt)):
        return "Interrupted", "the job was asked to stop (SIGTERM) before it had finished", Interrupted.exit_code
    if isinstance(error, UserCodeFailed) and error.__cause__ is not None:
        cause = error.__cause__
        if isinstance(cause, OSError) and cause.errno == errno.ENOSPC:
            return "TryAgain", f"the disk is full: {cause}", TryAgain.exit_code
        return type(cause).__name__, str(error), error.exit_code
    if isinstance(error, JobFailure):
        return type(error).__name__, str(error), error.exit_code
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE):
        return "TryAgain", f"the machine is out of disk or file handles: {error}", TryAgain.exit_code
    return type(error).__name__, f"{type(error).__name__}: {error}", 1
