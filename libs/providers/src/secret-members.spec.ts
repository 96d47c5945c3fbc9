import { bodyOf, providerCases } from '@sluice/testing';
import { parseBody } from './hostile.js';
import { providers } from './registry.js';
import { bodyWithoutSecrets, withoutSecrets } from './secret-members.js';

const members = ['token', 'response_url'];
const kept = (body: string) => bodyWithoutSecrets(Buffer.from(body), members).toString();

it('I12: hides what stands in members of these names, at any depth, and nothing else', () => {
  const value = { token: 't', list: [{ response_url: 'u', text: 'token' }], state: { token: { value: 'v' } }, tokens: 'x' };
  const rest = { token: '***', list: [{ response_url: '***', text: 'token' }], state: { token: { value: 'v' } }, tokens: 'x' };
  expect(withoutSecrets(value, members)).toEqual(rest);
  expect(withoutSecrets(value, [])).toBe(value);
});

it.each([
  ['JSON', '{"token":"a","text":"ä"}', '{"token":"***","text":"ä"}'],
  ['JSON with room', '{\n  "token" : "a",\n "b": 1}', '{\n  "token" : "***",\n "b": 1}'],
  ['a value with quotes', String.raw`{"token":"a\"b\\","c":1}`, '{"token":"***","c":1}'],
  ['what somebody wrote', String.raw`{"text":"\"token\":\"a\""}`, String.raw`{"text":"\"token\":\"a\""}`],
  ['half a body', '{"token":"abc', '{"token":"***'],
  ['a list', '[{"token":"a"},{"token":"b"}]', '[{"token":"***"},{"token":"***"}]'],
  ['a form', 'token=a&text=b+token%3Dc&response_url=https%3A%2F%2Fx', 'token=***&text=b+token%3Dc&response_url=***'],
  ['JSON in a form', 'payload=%7B%22token%22%3A%22a%22%2C%22b%22%3A1%7D', 'payload=%7B%22token%22%3A%22***%22%2C%22b%22%3A1%7D'],
  ['the same with room', 'payload=%7b+%22token%22+%3a+%22a%22%7d&b=1', 'payload=%7b+%22token%22+%3a+%22***%22%7d&b=1'],
])('I12: keeps a body but for them: %s', (_what, body, expected) => expect(kept(body)).toBe(expected));

it('I12: other bytes stay as they were, whatever they are', () => {
  const body = Buffer.concat([Buffer.from('{"token":"a","x":"'), Buffer.from([0xff, 0x00, 0xed, 0xa0, 0x80]), Buffer.from('"}')]);
  const expected = Buffer.concat([Buffer.from('{"token":"***","x":"'), body.subarray(18)]);
  expect(bodyWithoutSecrets(body, members).equals(expected)).toBe(true);
});

it('I12: what a provider lets answer a call by is named, and in no member that is kept', () => {
  const found = new Map<string, number>();
  for (const { name, secretMembers = [], ...adapter } of providers.values()) {
    for (const each of providerCases(name)) {
      const request = { method: 'POST', url: each.path, body: bodyOf(each), headers: {}, query: {}, receivedAt: each.receivedAt };
      const parsed = parseBody(bodyOf(each));
      if (each.method !== 'POST' || parsed.kind !== 'json') continue;
      const channel = { externalAccountId: each.accountId, config: each.config, publicUrl: '', secrets: { signingSecrets: [] } };
      for (const { replyToken, raw, ...event } of adapter.normalise(parsed.value, channel, request)) {
        if (replyToken === undefined) continue;
        found.set(name, (found.get(name) ?? 0) + 1);
        const shown = [JSON.stringify([event, withoutSecrets(raw, secretMembers)]), bodyWithoutSecrets(request.body, secretMembers)];
        for (const text of shown) expect(text.toString()).not.toContain(JSON.stringify(replyToken));
      }
    }
  }
  expect([...found.keys()].toSorted()).toEqual(['discord', 'line']);
});
