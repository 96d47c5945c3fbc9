import { DomainError } from '@sluice/kernel';

class LogPositionIsMalformed extends DomainError {
  constructor() {
    super('malformed', 'log_position_is_malformed', 'X-Min-Log-Position must be a position, as commands answer it in X-Log-Position.', {
      errors: [{ path: 'X-Min-Log-Position', message: 'must be a non-negative whole number' }],
    });
  }
}

/** What the caller wants to see at least: `X-Min-Log-Position`. */
export function minPositionIn(headers: Readonly<Record<string, string | readonly string[] | undefined>>): number | undefined {
  const header = headers['x-min-log-position'];
  if (header === undefined) return undefined;
  const position = typeof header === 'string' && /^\d{1,16}$/.test(header) ? Number(header) : Number.NaN;
  if (!Number.isSafeInteger(position)) throw new LogPositionIsMalformed();
  return position;
}
