import { Inject, Injectable } from '@nestjs/common';
import { newId } from '@sluice/kernel';
import { ServiceDatabase } from '@sluice/platform-database';
import { announce, appendEvents, type LogEntry } from '@sluice/platform-event-log';
import { Notifications } from '@sluice/platform-notifications';
import { LOGGER, type Logger } from '@sluice/platform-telemetry';
import type { TenantQuotaExceeded } from '@sluice/tenancy-domain';

/** Tells a tenant that it has reached a quota: once for each window, however many processes see it and however often. */
@Injectable()
export class QuotaNotices {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly notifications: Notifications,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Never rejects: what was refused is refused, told or not. */
  async exceeded(tenantId: string, payload: TenantQuotaExceeded['payload']): Promise<void> {
    try {
      const entries: LogEntry[] = [];
      const commitId = await this.database.withClient(async (client) => {
        entries.length = 0;
        const { rows } = await client.query<{ stream_version: string }>(
          `UPDATE tenants SET stream_version = stream_version + 1, quotas_told = quotas_told || jsonb_build_object($2::text, $3::text)
           WHERE id = $1 AND coalesce(quotas_told ->> $2, '') < $3 RETURNING stream_version`,
          [tenantId, payload.quota, payload.from],
        );
        const [tenant] = rows;
        if (tenant === undefined) return undefined;
        const event: TenantQuotaExceeded = { type: 'tenant.quota.exceeded', aggregateId: tenantId, payload };
        entries.push({ event, tenantId, aggregateVersion: Number(tenant.stream_version), correlationId: newId() });
        return appendEvents(client, entries);
      });
      if (commitId !== undefined) announce(this.notifications, commitId, entries);
    } catch (error) {
      this.logger.warn(
        { tenantId, reason: error instanceof Error ? error.message : String(error) },
        'a quota was reached, and nobody was told',
      );
    }
  }
}
