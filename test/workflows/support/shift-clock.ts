// Lets `node --import` run a process whose clock is wrong by MODELYARD_CLOCK_SHIFT_MS, in its threads too.
const shiftMs = Number(process.env['MODELYARD_CLOCK_SHIFT_MS']);

globalThis.Date = new Proxy(Date, {
  construct: (real, given: unknown[], as) =>
    Reflect.construct(real, given.length === 0 ? [real.now() + shiftMs] : given, as) as Date,
  get: (real, name) =>
    name === 'now' ? () => real.now() + shiftMs : (Reflect.get(real, name) as unknown),
});
