const UNITS: Partial<Record<string, number>> = {
  '': 1,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** The number a quantity of Kubernetes stands for, such as 536870912 for `512Mi`. */
export function quantityOf(text: string): number {
  const [, digits = '', unit = ''] = /^([0-9.]+)([a-zA-Z]*)$/.exec(text) ?? [];
  const factor = UNITS[unit];
  if (digits === '' || factor === undefined)
    throw new Error(`expected a quantity such as 500m or 2Gi, got ${text}`);
  return Number(digits) * factor;
}
