import { Injectable } from '@nestjs/common';
import { CommandBus, CommandHandlerNotFoundException } from '@nestjs/cqrs';
import { DomainError } from '@sluice/kernel';
import { storeClock } from '@sluice/platform-database';
import type { SampleCall } from '@sluice/providers';
import { IngestDelivery, type WebhookPath } from './ingest/ingest-delivery.js';

/** How the gateway answered a call of ours. */
export type GatewayAnswer =
  | { readonly accepted: true }
  /** `code`: of its problem, or `unreachable` */
  | { readonly accepted: false; readonly code: string; readonly detail: string };

export class GatewayIsUnknown extends DomainError {
  constructor() {
    super('unavailable', 'gateway_unknown', 'Nobody told this process where the gateway is. Set PUBLIC_URL to its address.', {
      retryAfterSeconds: 60,
    });
  }
}

/** What a gateway in this process takes for its own address when nobody told `PUBLIC_URL`: for those who sign it. */
export const OWN_URL = Symbol('own url');

/** A workflow that answers calls itself takes up to ten seconds. */
const answerMsMax = 15_000;
const detailCharactersMax = 500;

/** Calls the gateway as a provider does: at `PUBLIC_URL`, which is the operator's; or in this process where it is part of it. */
@Injectable()
export class CallGateway {
  constructor(private readonly commands: CommandBus) {}

  async call(publicUrl: string | undefined, endpoint: string, sample: SampleCall, correlationId: string): Promise<GatewayAnswer> {
    const query = new URLSearchParams(sample.query).toString();
    const url = `${endpoint}${query === '' ? '' : `?${query}`}`;
    return publicUrl === undefined ? this.within(endpoint, url, sample, correlationId) : overHttp(publicUrl, url, sample);
  }

  private async within(
    endpoint: string,
    url: string,
    { headers, query = {}, body }: SampleCall,
    correlationId: string,
  ): Promise<GatewayAnswer> {
    const [, , clientUuid = '', triggerType = '', actionType = ''] = endpoint.split('/');
    const path: WebhookPath = { clientUuid, triggerType, actionType };
    const request = { method: 'POST', url, body, headers, query, receivedAt: storeClock.now() };
    try {
      await this.commands.execute(new IngestDelivery(path, request, correlationId, 'sluice'));
      return { accepted: true };
    } catch (error) {
      if (error instanceof CommandHandlerNotFoundException) throw new GatewayIsUnknown();
      if (error instanceof DomainError) return { accepted: false, code: error.code, detail: error.message };
      throw error;
    }
  }
}

async function overHttp(publicUrl: string, url: string, { headers, body }: SampleCall): Promise<GatewayAnswer> {
  try {
    const response = await fetch(`${publicUrl.replace(/\/+$/, '')}${url}`, {
      method: 'POST',
      headers,
      body: new Uint8Array(body),
      // Whatever answers with another address is not the gateway.
      redirect: 'manual',
      signal: AbortSignal.timeout(answerMsMax),
    });
    const text = await response.text();
    if (response.status >= 200 && response.status < 300) return { accepted: true };
    const { code, detail } = problemIn(text) ?? {
      code: 'unreachable',
      detail: `It answered ${response.status}, and not as the gateway does.`,
    };
    return { accepted: false, code, detail: detail.slice(0, detailCharactersMax) };
  } catch (error) {
    return { accepted: false, code: 'unreachable', detail: `Nobody answered at ${new URL(publicUrl).origin}: ${reasonOf(error)}.` };
  }
}

function problemIn(text: string): { readonly code: string; readonly detail: string } | undefined {
  try {
    const { type, detail }: { type?: unknown; detail?: unknown } = JSON.parse(text);
    const code = typeof type === 'string' ? /^\/problems\/(\w+)$/.exec(type)?.[1] : undefined;
    return code === undefined ? undefined : { code, detail: typeof detail === 'string' ? detail : '' };
  } catch {
    return undefined;
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'the call failed';
  const { cause, name, message } = error;
  if (typeof cause === 'object' && cause !== null && 'code' in cause) return String(cause.code);
  return name === 'TimeoutError' ? `no answer in ${answerMsMax} ms` : message;
}
