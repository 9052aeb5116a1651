import type { Logistic } from './logistic.ts';

const FLOAT = 1;

/**
 * An ONNX file: `rows` [n, features] of float32 in, `probability` [n, 1] out. It is protobuf, of which this needs three
 * things only; the numbers are the fields of onnx.proto3.
 */
export function logisticModel({ weights, bias, means }: Logistic): Uint8Array {
  const graph = [
    node('IsNaN', ['rows'], 'missing'),
    node('Where', ['missing', 'means', 'rows'], 'filled'),
    node('Gemm', ['filled', 'weights', 'bias'], 'logit'),
    node('Sigmoid', ['logit'], 'probability'),
    text(2, 'logistic regression'),
    floats('means', [means.length], means),
    floats('weights', [weights.length, 1], weights),
    floats('bias', [1], [bias]),
    message(11, matrix('rows', weights.length)),
    message(12, matrix('probability', 1)),
  ];
  const opset13 = [text(1, ''), integer(2, 13)];
  return Buffer.concat([integer(1, 8), text(2, 'image'), message(7, graph), message(8, opset13)]);
}

const node = (operator: string, inputs: string[], output: string): Buffer =>
  message(1, [...inputs.map((input) => text(1, input)), text(2, output), text(4, operator)]);

function floats(name: string, shape: number[], values: number[]): Buffer {
  const raw = Buffer.alloc(4 * values.length);
  values.forEach((value, n) => raw.writeFloatLE(value, 4 * n));
  const dimensions = shape.map((size) => integer(1, size));
  return message(5, [...dimensions, integer(2, FLOAT), text(8, name), bytes(9, raw)]);
}

/** A value's name and type: any number of rows of so many floats. */
function matrix(name: string, width: number): Buffer[] {
  const shape = [message(1, [text(2, 'n')]), message(1, [integer(1, width)])];
  return [text(1, name), message(2, [message(1, [integer(1, FLOAT), message(2, shape)])])];
}

const integer = (field: number, value: number): Buffer =>
  Buffer.from([...varint(field << 3), ...varint(value)]);
const text = (field: number, value: string): Buffer => bytes(field, Buffer.from(value));
const message = (field: number, parts: Buffer[]): Buffer => bytes(field, Buffer.concat(parts));
const bytes = (field: number, content: Buffer): Buffer =>
  Buffer.concat([Buffer.from([...varint((field << 3) | 2), ...varint(content.length)]), content]);

/** Seven bits a byte, the lowest first; the eighth says that more follow. */
function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)];
}
