import type { ProviderRequest, Verification } from './adapter.js';
import { valuesOf } from './signatures.js';

/** How far a call's own time may lie from ours, on either side: what Slack, Stripe and Standard Webhooks ask for. */
const usualWindowMs = 300_000;

export type TimestampFormat = 'seconds' | 'milliseconds' | 'iso8601';

/**
 * True if the signed time of a call, as its header tells it, is near enough to the time of receipt. A repeated header is
 * malformed: of two times, one could be signed and the other one checked.
 */
export function verifyTimestamp(
  header: ProviderRequest['headers'][string],
  receivedAt: Date,
  format: TimestampFormat = 'seconds',
  windowMs = usualWindowMs,
): Verification {
  const values = valuesOf(header);
  const [value] = values;
  if (value === undefined) return { ok: false, reason: 'timestamp_missing' };
  const ms = values.length > 1 ? undefined : readers[format](value);
  if (ms === undefined) return { ok: false, reason: 'timestamp_malformed' };

  const ageMs = receivedAt.getTime() - ms;
  if (ageMs > windowMs) return { ok: false, reason: 'timestamp_stale' };
  if (ageMs < -windowMs) return { ok: false, reason: 'timestamp_future' };
  return { ok: true };
}

/** Digits only: `parseInt` would read `1700000000abc`, and a NaN makes every comparison of ages false. */
const digits = (value: string): number | undefined => (/^\d{1,15}$/.test(value) ? Number(value) : undefined);

const readers: Readonly<Record<TimestampFormat, (value: string) => number | undefined>> = {
  seconds: (value) => {
    const seconds = digits(value);
    return seconds === undefined ? undefined : seconds * 1000;
  },
  milliseconds: digits,
  iso8601: (value) => {
    const ms = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(value) ? Date.parse(value) : Number.NaN;
    return Number.isNaN(ms) ? undefined : ms;
  },
};
