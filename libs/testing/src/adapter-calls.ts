import type { JsonObject } from '@sluice/kernel';

/** When `callOf` says that it was received */
export const callTime = new Date('2026-11-02T09:30:00.000Z');

/** A POST as adapters see it. */
export const callOf = (
  body: string | Buffer,
  headers: Readonly<Record<string, string | readonly string[]>> = {},
  more: { readonly url?: string; readonly query?: Readonly<Record<string, string | readonly string[]>>; readonly receivedAt?: Date } = {},
) => ({ method: 'POST', url: '/', body: Buffer.from(body), headers, query: {}, receivedAt: callTime, ...more });

/** A channel as adapters see it, with these active secrets. */
export const channelOf = (signingSecrets: readonly string[], config: JsonObject = {}, externalAccountId: string | null = null) => ({
  externalAccountId,
  config,
  publicUrl: 'https://hooks.example.com',
  secrets: { signingSecrets },
});
