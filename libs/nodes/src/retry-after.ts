const HTTP_DATE = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;
const MS_MAX = 30 * 24 * 60 * 60 * 1000;

/** Milliseconds of a `Retry-After` header: seconds, or a date ahead. Anything else is as good as no header. */
export function parseRetryAfter(value: string | undefined, now: Date): number | undefined {
  const text = value?.trim() ?? '';
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : HTTP_DATE.test(text) ? Date.parse(text) - now.getTime() : Number.NaN;
  return ms >= 0 ? Math.min(ms, MS_MAX) : undefined;
}
