/** chance = 1 / (1 + exp(-(bias + Σ weight · value))), with the mean in place of a value that is missing. */
export interface Logistic {
  weights: number[];
  bias: number;
  means: number[];
}

const STEPS = 12;

/** Newton's method with a ridge on standardised columns; the scaling is folded into the weights. */
export function fitLogistic(
  columns: Float64Array[],
  labels: Float64Array,
  ridge: number,
): Logistic {
  const means = columns.map(meanOf);
  const scales = columns.map((column, n) => deviationOf(column, means[n] ?? 0) || 1);
  const rows = standardised(columns, means, scales);
  let fitted = new Array<number>(columns.length + 1).fill(0);
  for (let step = 0; step < STEPS; step += 1) {
    const move = solve(newtonStep(rows, labels, fitted, ridge));
    fitted = fitted.map((value, n) => value + (move[n] ?? 0));
  }
  const weights = fitted.slice(1).map((value, n) => value / (scales[n] ?? 1));
  const shift = weights.reduce((sum, weight, n) => sum + weight * (means[n] ?? 0), 0);
  return { weights, bias: (fitted[0] ?? 0) - shift, means };
}

/** The mean of -log of the chance given to what happened. */
export function logLoss(
  { weights, bias, means }: Logistic,
  columns: Float64Array[],
  labels: Float64Array,
): number {
  let sum = 0;
  labels.forEach((label, row) => {
    const chance = sigmoid(
      columns.reduce((total, column, n) => {
        const value = column[row] ?? Number.NaN;
        return total + (weights[n] ?? 0) * (Number.isNaN(value) ? (means[n] ?? 0) : value);
      }, bias),
    );
    sum -= Math.log(label === 1 ? chance : 1 - chance);
  });
  return sum / labels.length;
}

/** Row by row: 1 for the bias, then each value in standard deviations from its mean. */
function standardised(columns: Float64Array[], means: number[], scales: number[]): Float64Array[] {
  return Array.from({ length: columns[0]?.length ?? 0 }, (_, n) => {
    const row = new Float64Array(columns.length + 1).fill(1);
    columns.forEach((column, i) => {
      const value = column[n] ?? Number.NaN;
      row[i + 1] = Number.isNaN(value) ? 0 : (value - (means[i] ?? 0)) / (scales[i] ?? 1);
    });
    return row;
  });
}

/** The equations of one step, a row for each unknown: the curvature's row, then the slope. */
function newtonStep(
  rows: Float64Array[],
  labels: Float64Array,
  fitted: number[],
  ridge: number,
): number[][] {
  const size = fitted.length;
  const equations = fitted.map((value, i) => {
    const equation = new Array<number>(size + 1).fill(0);
    // The bias is not drawn towards zero.
    if (i > 0) [equation[i], equation[size]] = [ridge, -ridge * value];
    return equation;
  });
  rows.forEach((row, n) => {
    const chance = sigmoid(row.reduce((sum, value, i) => sum + value * (fitted[i] ?? 0), 0));
    equations.forEach((equation, i) => {
      const value = row[i] ?? 0;
      const curvature = value * chance * (1 - chance);
      row.forEach((other, j) => (equation[j] = (equation[j] ?? 0) + curvature * other));
      equation[size] = (equation[size] ?? 0) + value * ((labels[n] ?? 0) - chance);
    });
  });
  return equations;
}

/** Gaussian elimination; the equations are positive definite, so no row has to be exchanged. */
function solve(equations: number[][]): number[] {
  equations.forEach((pivot, i) => {
    equations.forEach((other, j) => {
      if (i === j) return;
      const factor = (other[i] ?? 0) / (pivot[i] ?? 1);
      pivot.forEach((value, k) => (other[k] = (other[k] ?? 0) - factor * value));
    });
  });
  return equations.map((equation, i) => (equation.at(-1) ?? 0) / (equation[i] ?? 1));
}

function meanOf(column: Float64Array): number {
  const present = column.filter((value) => !Number.isNaN(value));
  return present.reduce((sum, value) => sum + value, 0) / Math.max(1, present.length);
}

function deviationOf(column: Float64Array, mean: number): number {
  return Math.sqrt(meanOf(column.map((value) => (value - mean) ** 2)));
}

const sigmoid = (value: number): number => 1 / (1 + Math.exp(-value));
