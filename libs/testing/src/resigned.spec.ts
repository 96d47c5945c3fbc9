import { type ProviderCase, providerCases, providersWithCases } from './provider-cases.js';
import { resigned } from './resigned.js';

const at = new Date('2027-03-04T05:06:07.891Z');
const signing = ['slack', 'stripe', 'standard', 'discord', 'hubspot', 'zendesk', 'hmac'];

function caseNamed(provider: string, name: string): ProviderCase {
  const found = providerCases(provider).find((each) => each.name === name);
  if (found === undefined) throw new Error(`No case ${name}`);
  return found;
}

describe('resigned', () => {
  it.each(signing)('%s: at the time that it was recorded at, a good call is as it was recorded', (provider) => {
    const good = providerCases(provider).filter(({ expect }) => expect.status === 200);
    expect(good.length).toBeGreaterThan(0);
    for (const each of good) expect(resigned(each, each.receivedAt)).toEqual(each);
  });

  it.each(signing)('%s: at another time, it has another time and another signature', (provider) => {
    const changed = providerCases(provider)
      .filter(({ expect }) => expect.status === 200)
      .map((each) => Object.entries(resigned(each, at).headers).filter(([name, value]) => value !== each.headers[name]).length);
    expect(Math.max(...changed)).toBe(provider === 'stripe' ? 1 : 2);
  });

  it('gives a new time and leaves a wrong signature wrong', () => {
    const wrong = caseNamed('discord', 'timestamp-changed');
    const { headers } = resigned(wrong, at);
    expect(headers['X-Signature-Timestamp']).toBe(String(Math.floor(at.getTime() / 1000)));
    expect(headers['X-Signature-Ed25519']).toBe(wrong.headers['X-Signature-Ed25519']);
  });

  it('keeps what is out of time well out of it', () => {
    const { headers } = resigned(caseNamed('slack', 'future-timestamp'), at);
    expect(Number(headers['X-Slack-Request-Timestamp'])).toBe(Math.floor(at.getTime() / 1000) + 602);
  });

  it('moves the time of an event that has the call’s', () => {
    const { expect: expected } = resigned(caseNamed('standard', 'official-library-vector'), at);
    expect(expected.events[0]?.occurredAt).toBe('2027-03-04T05:06:07.000Z');
  });

  it('leaves alone what no time is signed in', () => {
    for (const provider of providersWithCases().filter((name) => !signing.includes(name))) {
      for (const each of providerCases(provider)) expect(resigned(each, at)).toEqual({ ...each, receivedAt: at });
    }
  });
});
