"""Small ONNX files, written by hand: the numbers are the fields of onnx.proto3."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

FLOAT, INT64, STRING, BOOL, DOUBLE, FLOAT16 = 1, 7, 8, 9, 11, 10
Node = tuple[str, Sequence[str], Sequence[str]]
Value = tuple[str, int, Sequence[int | str]]


def write_onnx(file: Path, nodes: Sequence[Node], inputs: Sequence[Value], outputs: Sequence[Value]) -> Path:
    """Nodes are (operator, inputs, outputs); values (name, element type, shape with names for what varies)."""
    graph = b"".join(_node(*node) for node in nodes) + _text(2, "graph")
    graph += b"".join(_bytes(11, _value(*value)) for value in inputs)
    graph += b"".join(_bytes(12, _value(*value)) for value in outputs)
    file.write_bytes(_number(1, 8) + _bytes(7, graph) + _bytes(8, _text(1, "") + _number(2, 13)))
    return file


def _node(operator: str, inputs: Sequence[str], outputs: Sequence[str]) -> bytes:
    names = b"".join(_text(1, name) for name in inputs) + b"".join(_text(2, name) for name in outputs)
    return _bytes(1, names + _text(4, operator))


def _value(name: str, kind: int, shape: Sequence[int | str]) -> bytes:
    sizes = b"".join(_bytes(1, _number(1, n) if isinstance(n, int) else _text(2, n)) for n in shape)
    return _text(1, name) + _bytes(2, _bytes(1, _number(1, kind) + _bytes(2, sizes)))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode())


def _bytes(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + _varint(value >> 7)
