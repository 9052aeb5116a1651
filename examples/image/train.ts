// A training without Python: a logistic regression in plain TypeScript, left as an ONNX model.
// Notice: it reads one document and one CSV file, writes one folder, and knows nothing of MLflow or of the platform.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fitLogistic, logLoss } from './logistic.ts';
import { logisticModel } from './onnx.ts';
import { readColumns } from './rows.ts';

interface Column {
  name: string;
  type: string;
}

/** What MODELYARD_INPUT holds, as far as this program asks. */
interface Input {
  features: Column[];
  label: Column;
  params: { ridge?: number };
  rows: { count: number; csv: string };
}

/** sysexits.h: the data is wrong, and trying again would not help. */
const EX_DATAERR = 65;

const input = process.env['MODELYARD_INPUT'] ?? 'input.json';
const output = process.env['MODELYARD_OUTPUT'] ?? 'output';
const { features, label, params, rows } = JSON.parse(readFileSync(input, 'utf8')) as Input;

const texts = features.filter(({ type }) => !/^(?:u?int|float)\d+$/.test(type));
if (texts.length > 0) {
  console.error(`expected numbers, got ${texts.map(({ name }) => name).join(', ')}`);
  process.exit(EX_DATAERR);
}

const names = features.map(({ name }) => name);
const columns = readColumns(join(dirname(input), rows.csv), [...names, label.name]);
const labels = columns.pop() ?? new Float64Array();
console.log(`${String(labels.length)} rows of ${names.join(', ')}`);

const model = fitLogistic(columns, labels, params.ridge ?? 1);
const loss = logLoss(model, columns, labels);
console.log(`log loss in training ${loss.toFixed(4)}`);

mkdirSync(join(output, 'model'), { recursive: true });
writeFileSync(join(output, 'model', 'model.onnx'), logisticModel(model));
writeFileSync(join(output, 'model', 'MLmodel'), describe(names));
writeFileSync(
  join(output, 'result.json'),
  JSON.stringify({ metrics: { training_log_loss: loss } }),
);

/** The MLmodel file. It is YAML, and so is JSON. */
function describe(names: string[]): string {
  const inputs = names.map((name) => ({ type: 'double', name, required: false }));
  const outputs = [{ type: 'tensor', 'tensor-spec': { dtype: 'float32', shape: [-1, 1] } }];
  const flavors = {
    onnx: { data: 'model.onnx' },
    python_function: { loader_module: 'mlflow.onnx', data: 'model.onnx' },
  };
  const signature = { inputs: JSON.stringify(inputs), outputs: JSON.stringify(outputs) };
  return JSON.stringify({ flavors, signature }, null, 2);
}
