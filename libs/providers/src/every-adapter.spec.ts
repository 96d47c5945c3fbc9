import { isJsonObject, type Json, type JsonObject } from '@sluice/kernel';
import { bodyOf, type ProviderCase, providerCases } from '@sluice/testing';
import fc from 'fast-check';
import type { CanonicalEvent, Channel, ProviderAdapter, ProviderRequest } from './adapter.js';
import { parseBody } from './hostile.js';
import { providers } from './registry.js';

// What holds for every adapter, whatever its provider.

const requestOf = (each: ProviderCase): ProviderRequest => ({
  method: each.method,
  url: each.path,
  body: bodyOf(each),
  headers: Object.fromEntries(Object.entries(each.headers).map(([name, value]) => [name.toLowerCase(), value])),
  query: each.query,
  receivedAt: each.receivedAt,
});

const channelFor = (each: ProviderCase, signingSecrets: readonly string[]): Channel => ({
  externalAccountId: each.accountId,
  config: each.config,
  publicUrl: 'https://hooks.example.com',
  secrets: { signingSecrets },
});

/** As many characters of the same sorts as the right one, so that it is refused for what it is and not for how it looks. */
const otherThan = (secret: string) => secret.replaceAll(/[0-9a-z]/g, (letter) => (letter === '7' ? '8' : '7'));

/** Each is something that some reader does not expect. */
const junk: readonly Json[] = [
  null,
  true,
  0,
  -1.5,
  1e300,
  2 ** 53,
  '',
  'x'.repeat(5000),
  '\uD800',
  '__proto__',
  ':',
  [],
  [[]],
  {},
  { id: {} },
];

describe.each([...providers.values()].map((adapter) => [adapter.name, adapter] as const))('%s', (name, adapter) => {
  // Some are good for those only who ask for less than we do.
  const isAccepted = ({ method, secret, expect: { status, statusAlsoOk } }: ProviderCase) =>
    method === 'POST' && secret !== null && status === 200 && !statusAlsoOk.includes(401);
  const accepted = providerCases(name).filter(isAccepted);
  const bodies = accepted.flatMap((each) => {
    const parsed = adapter.parse?.(requestOf(each)) ?? parseBody(bodyOf(each));
    // Long batches say nothing that short ones do not.
    return parsed.kind === 'json' && bodyOf(each).length < 8192 ? [{ each, body: parsed.value }] : [];
  });

  it('accepts what any active secret signed, and refuses what another one did', () => {
    expect(accepted.length).toBeGreaterThan(0);
    for (const each of accepted) {
      const secret = each.secret ?? '';
      const verified = (...secrets: string[]) => adapter.verify(requestOf(each), channelFor(each, secrets)).ok;
      expect([verified(otherThan(secret), secret), verified(secret, otherThan(secret))]).toEqual([true, true]);
      expect([verified(otherThan(secret)), verified(), verified('')]).toEqual([false, false, false]);
    }
  });

  it('never throws for a changed body, and makes events that can be stored and found again', () => {
    const example = fc.constantFrom(...bodies);
    fc.assert(
      fc.property(example, fc.nat(), fc.constantFrom(...junk), fc.boolean(), ({ each, body }, place, junk, whole) => {
        const changed = whole ? junk : replaced(body, place, junk);
        const channel = channelFor(each, [each.secret ?? '']);
        const events = adapter.normalise(changed, channel, requestOf(each));
        adapter.answer?.(changed);
        expect(events.flatMap((event) => problemsOf(event, adapter))).toEqual([]);
        const again = adapter.normalise(changed, channel, requestOf(each));
        expect(again.map(({ dedupeKey }) => dedupeKey)).toEqual(events.map(({ dedupeKey }) => dedupeKey));
      }),
      { numRuns: 100 },
    );
  });
});

/** What of an event could not be stored, found again or acted on. */
function problemsOf(event: CanonicalEvent, { name, actionTypes }: ProviderAdapter): readonly string[] {
  const { dedupeKey, accountId, customerId, conversationId, occurredAt } = event;
  const ids = [accountId, customerId, conversationId ?? null];
  const checks = {
    dedupeKey: dedupeKey.startsWith(`${name}:`) && Buffer.byteLength(dedupeKey) <= 1024,
    triggers: event.triggers === (event.ignoredBecause === undefined),
    action: !event.triggers || actionTypes.includes(event.action),
    ids: ids.every((id) => id === null || (typeof id === 'string' && id.length <= 512)),
    occurredAt: occurredAt === null || new Date(occurredAt).toISOString() === occurredAt,
  };
  return Object.entries(checks).flatMap(([what, isGood]) => (isGood ? [] : [`${what} of ${JSON.stringify(event)}`]));
}

/** The same value, but for one of the values in it. */
function replaced(value: Json, place: number, by: Json): Json {
  let left = place % (countOf(value) + 1);
  const walk = (part: Json): Json => {
    if (left-- === 0) return by;
    if (Array.isArray(part)) return part.map((item: Json) => walk(item));
    if (!isJsonObject(part)) return part;
    const copy: JsonObject = Object.fromEntries(Object.entries(part).map(([key, member]) => [key, walk(member)]));
    return copy;
  };
  return walk(value);
}

function countOf(value: Json): number {
  const parts: readonly Json[] = Array.isArray(value) ? value : isJsonObject(value) ? Object.values(value) : [];
  return parts.reduce((sum: number, part) => sum + 1 + countOf(part), 0);
}
