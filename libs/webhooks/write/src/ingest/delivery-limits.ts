import { Inject, Injectable } from '@nestjs/common';
import { DomainError } from '@sluice/kernel';
import { storeClock } from '@sluice/platform-database';
import { type Limit, Rates } from '@sluice/platform-rates';
import { LOGGER, type Logger } from '@sluice/platform-telemetry';
import { QuotaNotices } from '@sluice/tenancy-write';
import type { Source } from './channel-directory.js';

const minuteMs = 60_000;
/** Refused signatures at one address; beyond that somebody ought to look. */
const refusedSignatures: Limit = { name: 'refused_signatures', max: 60, perMs: minuteMs };
const deliveriesOf = (max: number): Limit => ({ name: 'webhooks', max, perMs: minuteMs });

export class WebhookQuotaIsUsedUp extends DomainError {
  constructor(max: number, retryAfterMs: number) {
    super('too_many', 'webhook_quota_used_up', `This tenant may receive ${max} deliveries a minute. Send it again later.`, {
      retryAfterSeconds: retryAfterMs / 1_000,
    });
  }
}

/** What a tenant may receive, by the tenant alone: no header, address or spelling of the path opens another account. */
@Injectable()
export class DeliveryLimits {
  constructor(
    private readonly rates: Rates,
    private readonly notices: QuotaNotices,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Takes one of the tenant's deliveries of this minute. Only signed ones come so far: nobody else can use them up. */
  take({ tenantId, webhooksPerMinute: max }: Source): void {
    if (max === undefined) return;
    const refusal = this.rates.take(deliveriesOf(max), tenantId);
    if (refusal === undefined) return;
    if (refusal.isFirst) void this.notices.exceeded(tenantId, { quota: 'webhooksPerMinute', limit: max, ...minuteOf(storeClock.now()) });
    throw new WebhookQuotaIsUsedUp(max, refusal.retryAfterMs);
  }

  /** It was not accepted, and will come again. */
  giveBack({ tenantId, webhooksPerMinute: max }: Source): void {
    if (max !== undefined) this.rates.giveBack(deliveriesOf(max), tenantId);
  }

  /** Nobody is refused for it: who signs well is heard however many others do not. One that is refused costs a digest and no query. */
  signatureRefused({ id, tenantId, provider }: Source): void {
    if (this.rates.take(refusedSignatures, id)?.isFirst !== true) return;
    this.logger.warn({ tenantId, provider, channelOrAppId: id }, 'many deliveries with wrong signatures');
  }
}

function minuteOf(now: Date): { from: string; until: string } {
  const from = Math.floor(now.getTime() / minuteMs) * minuteMs;
  return { from: new Date(from).toISOString(), until: new Date(from + minuteMs).toISOString() };
}
