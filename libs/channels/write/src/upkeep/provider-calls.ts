import { type Json, isJsonObject } from '@sluice/kernel';
import { NodeFailure } from '@sluice/nodes';
import type { OutboundHttp } from '@sluice/platform-outbound';
import {
  type ApiAccount,
  type ApiAnswer,
  type ApiOutcome,
  type ApiRefusal,
  type ApiRequest,
  type ProviderApi,
  providerNamed,
} from '@sluice/providers';
import type { OpenChannel } from '../read-channel.js';

const timeoutMs = 10_000;
const messageCharactersMax = 300;

/** A channel that its provider can be asked about. */
export interface Askable {
  readonly channel: OpenChannel;
  readonly api: ProviderApi;
  readonly account: ApiAccount;
}

/** Undefined: nothing is known of its provider's API, or it has no token. */
export function askable(channel: OpenChannel): Askable | undefined {
  const api = providerNamed(channel.provider)?.api;
  const { externalAccountId, config } = channel;
  const { accessToken, refreshToken, clientId, clientSecret } = channel.secrets;
  if (api === undefined || accessToken === undefined) return undefined;
  return { channel, api, account: { accessToken, refreshToken, clientId, clientSecret, externalAccountId, config } };
}

/** Calls of providers' APIs about channels themselves. What goes wrong is an answer too; the channel's secrets are in none of them. */
export class ProviderCalls {
  constructor(
    private readonly http: OutboundHttp,
    /** Base URLs that the operator has set */
    private readonly urls: Readonly<Record<string, string>>,
    private readonly stopping: AbortSignal,
  ) {}

  /** `signal`: another than the end of this process calls it off. */
  async ask<Value>(
    { channel, api, account }: Askable,
    { method, path, headers = {}, body }: ApiRequest,
    read: (answer: ApiAnswer) => ApiOutcome<Value>,
    signal: AbortSignal = this.stopping,
  ): Promise<ApiOutcome<Value>> {
    try {
      const response = await this.http.send({
        method,
        url: `${this.urls[channel.provider] ?? api.url}${path}`,
        headers: { accept: 'application/json', ...headers },
        ...(body === undefined ? {} : { body }),
        tenantId: channel.tenantId,
        timeoutMs,
        signal,
      });
      const outcome = read({ status: response.status, body: parsed(response.body) });
      const { accessToken, refreshToken, clientSecret } = account;
      return outcome.ok ? outcome : told(outcome, [accessToken, refreshToken, clientSecret, headers['authorization']?.split(' ')[1]]);
    } catch (error) {
      if (!(error instanceof NodeFailure)) throw error;
      return { ok: false, dead: false, code: error.code, message: error.message };
    }
  }
}

/** A provider may repeat in its reason what it was asked with. */
function told({ code, message, dead }: ApiRefusal, secrets: readonly (string | undefined)[]): ApiRefusal {
  const spellings = secrets.flatMap((secret) => (secret === undefined ? [] : [secret, encodeURIComponent(secret)]));
  const hidden = (text: string) => spellings.reduce((rest, spelling) => rest.replaceAll(spelling, '***'), text);
  return { ok: false, dead, code: hidden(code).slice(0, 100), message: hidden(message).slice(0, messageCharactersMax) };
}

function parsed(body: Buffer): Json {
  try {
    const value: Json = JSON.parse(body.toString('utf8'));
    return isJsonObject(value) ? value : null;
  } catch {
    return null;
  }
}
