import type { Json } from '@sluice/kernel';
import { callOf, channelOf } from '@sluice/testing';
import { github } from './github.js';

const headers = { 'x-github-event': 'issue_comment', 'x-github-delivery': 'D' };
const event = (body: Json, { config = {}, account = null as string | null, given = headers as Record<string, string> } = {}) =>
  github.normalise(body, channelOf(['secret'], config, account), callOf('', given))[0];

const comment = { action: 'created', repository: { id: 7, owner: { id: 4 } }, organization: { id: 4 }, sender: { id: 5, type: 'Bot' } };

it('a bot triggers, unless the channel says that it must not', () => {
  expect(event(comment)).toMatchObject({ triggers: true });
  expect(event(comment, { config: { ignoreBots: true } })).toMatchObject({ triggers: false, ignoredBecause: 'bot' });
  const byPerson = { ...comment, sender: { id: 5, type: 'User' } };
  expect(event(byPerson, { config: { ignoreBots: true } })).toMatchObject({ triggers: true });
});

it('a channel may be a repository’s or its owner’s', () => {
  for (const account of ['7', '4']) expect(event(comment, { account })).toMatchObject({ accountId: '7', triggers: true });
  expect(event(comment, { account: '8' })).toMatchObject({ foreignAccount: true, ignoredBecause: 'foreign_account' });
  expect(event({ organization: { id: 4 } }, { account: '4' })).toMatchObject({ accountId: '4', kind: 'issue_comment', triggers: true });
});

it.each(['x-github-event', 'x-github-delivery'])('is unknown without %s', (name) => {
  const { [name]: _, ...given } = headers as Record<string, string>;
  expect(event(comment, { given })).toMatchObject({ kind: 'unknown', triggers: false });
});

describe('a form', () => {
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const parsed = (body: string, given: Record<string, string> = form) => github.parse?.(callOf(body, given));

  it('has its JSON in `payload`', () => expect(parsed('payload=%7B%22a%22%3A%22+%2B%22%7D')).toEqual({ kind: 'json', value: { a: ' +' } }));

  it('whose payload is no JSON is malformed, and one that is hostile is so', () => {
    expect(parsed('payload=%7B')).toEqual({ kind: 'malformed' });
    expect(parsed('payload=%22%5Cud83d%22')).toMatchObject({ kind: 'hostile', reason: 'lone_surrogate' });
  });

  it('is read as one only if it says so', () => {
    expect(parsed('payload=%7B%7D', { 'content-type': 'application/json' })).toEqual({ kind: 'malformed' });
  });
});

it('takes the 25 MB that GitHub may send', () => expect(github.bodyBytesMax).toBe(26_214_400));
