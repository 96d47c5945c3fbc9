import { limits } from '@sluice/contracts';
import { newId } from '@sluice/kernel';
import type { Correlation } from '@sluice/platform-telemetry';
import type { FastifyRequest } from 'fastify';

const acceptable = new RegExp(`^[A-Za-z0-9._:-]{1,${limits.correlationIdCharacters}}$`);
const correlations = new WeakMap<object, Correlation>();

/** The one correlation of a request, whoever asks first; a caller's `X-Correlation-Id` is kept if it is a harmless token. */
export function correlationOf({ raw }: Pick<FastifyRequest, 'raw'>): Correlation {
  const known = correlations.get(raw);
  if (known !== undefined) return known;
  const given = raw.headers['x-correlation-id'];
  const wanted = raw.headers['x-min-log-position'];
  const correlation: Correlation = {
    correlationId: typeof given === 'string' && acceptable.test(given) ? given : newId(),
    ...(typeof wanted === 'string' && /^\d{1,15}$/.test(wanted) && { minLogPosition: Number(wanted) }),
  };
  correlations.set(raw, correlation);
  return correlation;
}

/** What belongs on log lines outside its context. */
export const logged = ({ correlationId, tenantId }: Correlation): object => ({
  correlationId,
  ...(tenantId !== undefined && { tenantId }),
});
