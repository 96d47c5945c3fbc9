/**
 * Loaded into an app before its own code (`node --import`). `CLOCK_SHIFT_MS` puts its wall clock so far ahead (or, negative, behind);
 * `CLOCK_STEP_EVERY_MS` lets it jump between that and its opposite. The monotonic clock goes on, as it does on a real machine.
 */
const shiftMs = Number(process.env['CLOCK_SHIFT_MS'] ?? 0);
const stepEveryMs = Number(process.env['CLOCK_STEP_EVERY_MS'] ?? 0);

if (shiftMs !== 0) {
  const real = Date;
  const now = (): number => {
    const stepped = stepEveryMs > 0 && Math.floor(performance.now() / stepEveryMs) % 2 === 1;
    return real.now() + (stepped ? -shiftMs : shiftMs);
  };
  globalThis.Date = new Proxy(real, {
    construct: (target, parameters: unknown[], newTarget: typeof real) =>
      Reflect.construct(target, parameters.length === 0 ? [now()] : parameters, newTarget),
    get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)),
  });
}
