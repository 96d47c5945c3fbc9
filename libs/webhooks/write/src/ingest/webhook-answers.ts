import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { ServiceDatabase } from '@sluice/platform-database';

/** What a workflow answers to the call that started it. */
export interface WebhookAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A call is held open this long; providers hang up soon after. */
const waitMsMax = 10_000;
const lookEveryMs = 250;
/** More calls are not held open: they are acknowledged like any other. */
const waitingMax = 1_000;

interface Waiting {
  readonly tenantId: string;
  readonly resolve: (answer: WebhookAnswer | undefined) => void;
}

/** Calls that wait for their workflow's answer. A hint says when to look; without one they look four times a second. */
@Injectable()
export class WebhookAnswers implements OnApplicationShutdown {
  private readonly waiting = new Map<string, Waiting>();
  private timer: NodeJS.Timeout | undefined;
  private looking = false;

  constructor(private readonly database: ServiceDatabase) {}

  /** undefined: none came in time. The event is recorded and its run goes on all the same. */
  wait(tenantId: string, webhookEventId: string): Promise<WebhookAnswer | undefined> {
    if (this.waiting.size >= waitingMax) return Promise.resolve(undefined);
    const { promise, resolve } = Promise.withResolvers<WebhookAnswer | undefined>();
    const late = setTimeout(() => this.settle(webhookEventId, undefined), waitMsMax);
    const settled = (answer: WebhookAnswer | undefined): void => {
      clearTimeout(late);
      resolve(answer);
    };
    this.waiting.set(webhookEventId, { tenantId, resolve: settled });
    this.timer ??= setInterval(() => void this.look([...this.waiting.keys()]), lookEveryMs).unref();
    return promise;
  }

  /** Somebody says that there is an answer. */
  async hear(webhookEventId: string): Promise<void> {
    if (this.waiting.has(webhookEventId)) await this.look([webhookEventId]);
  }

  onApplicationShutdown(): void {
    for (const id of this.waiting.keys()) this.settle(id, undefined);
  }

  private async look(ids: readonly string[]): Promise<void> {
    if (this.looking && ids.length > 1) return;
    this.looking = true;
    try {
      const { rows } = await this.database.pool.query<WebhookAnswer & { id: string }>({
        name: 'webhook-answers',
        text: `SELECT a.webhook_event_id AS id, a.status, a.headers, a.body
               FROM unnest($1::uuid[], $2::uuid[]) AS k(tenant_id, webhook_event_id) JOIN webhook_answers a USING (tenant_id, webhook_event_id)`,
        values: [ids.map((id) => this.waiting.get(id)?.tenantId), ids],
      });
      for (const { id, ...answer } of rows) this.settle(id, answer);
    } catch {
      // The database is away: they look again, until their time is over.
    } finally {
      this.looking = false;
    }
  }

  private settle(id: string, answer: WebhookAnswer | undefined): void {
    this.waiting.get(id)?.resolve(answer);
    this.waiting.delete(id);
    if (this.waiting.size > 0) return;
    clearInterval(this.timer);
    this.timer = undefined;
  }
}
