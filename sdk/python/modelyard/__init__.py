"""The job harness of Modelyard: trains, evaluates and serves one model per process."""

from modelyard.api import CodeModel

__all__ = ["CodeModel", "__version__"]

__version__ = "0.1.0"
