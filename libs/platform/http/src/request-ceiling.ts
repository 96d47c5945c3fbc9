import { DomainError } from '@sluice/kernel';
import type { Limit, Rates } from '@sluice/platform-rates';
import type { Caller } from './auth.js';

export class RequestsAreTooMany extends DomainError {
  constructor(perMinute: number, retryAfterMs: number) {
    super('too_many', 'requests_too_many', `One credential may make ${perMinute} requests a minute.`, {
      retryAfterSeconds: retryAfterMs / 1_000,
    });
  }
}

/** How many requests a credential may make, at both APIs together. It keeps a loop that went wild from everybody else's API. */
export class RequestCeiling {
  private readonly limit: Limit;

  constructor(
    private readonly rates: Rates,
    perMinute: number,
  ) {
    this.limit = { name: 'api', max: perMinute, perMs: 60_000 };
  }

  pass({ tenantId, userId }: Caller): void {
    const refusal = this.rates.take(this.limit, `${tenantId}/${userId}`);
    if (refusal !== undefined) throw new RequestsAreTooMany(this.limit.max, refusal.retryAfterMs);
  }
}
