import { deciderSpec } from '@sluice/testing';
import { type ApiKey, evolveAt, ExpiryIsPast, hashOf, issue, newKey, prefixOf, revoke, unissued } from './api-key.js';
import type { ApiKeyEvent } from './tenancy.js';

const now = new Date('2026-11-23T12:00:00Z');
const initial = unissued('018f3b5e-0000-7000-8000-00000000000a', '018f3b5e-0000-7000-8000-00000000000b');
const given = deciderSpec<ApiKey, ApiKeyEvent>(evolveAt(now), initial);
const key = newKey();
const grant = { name: 'CI', role: 'editor', expiresAt: null } as const;
const issued = issue(initial, key, grant, 'ada', now);
const byAda = (apiKey: ApiKey) => revoke(apiKey, 'ada');

describe('a key', () => {
  it('has 256 random bits behind a prefix that names it', () => {
    expect(key).toMatch(/^slk_[A-Za-z0-9]{8}_[A-Za-z0-9_-]{43}$/);
    expect(new Set(Array.from({ length: 100 }, newKey)).size).toBe(100);
    expect(prefixOf(key)).toBe(key.slice(4, 12));
  });

  it('leaves its hash behind, never itself', () => {
    expect(JSON.stringify(issued)).toContain(hashOf(key).toString('hex'));
    expect(JSON.stringify(issued)).not.toContain(key.slice(13));
  });

  it('shows nothing of a key that an operator chose', () => expect(prefixOf('short-secret')).toBe('operator'));
});

it('can be issued with an end that is to come', () => {
  given()
    .when((apiKey) => issue(apiKey, key, { ...grant, expiresAt: new Date('2026-12-01') }, 'ada', now))
    .then({ type: 'api_key.created' });
  given()
    .when((apiKey) => issue(apiKey, key, { ...grant, expiresAt: now }, 'ada', now))
    .thenThrows(ExpiryIsPast);
});
it('is revoked once', () =>
  given(...issued)
    .when(byAda)
    .then({ type: 'api_key.revoked', payload: { by: 'ada' } }));
it('stays revoked', () =>
  given(...issued, { type: 'api_key.revoked', aggregateId: initial.id, payload: { by: 'bob' } })
    .when(byAda)
    .thenNothing());
