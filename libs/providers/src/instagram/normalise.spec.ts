import type { Json, JsonObject } from '@sluice/kernel';
import fc from 'fast-check';
import type { CanonicalEvent } from '../adapter.js';
import { normalise } from './normalise.js';

const account = '17841465550001234';
const customer = '1784930011223344';
const timeMs = 1793611795800;
const time = new Date(timeMs).toISOString();
const channel = { externalAccountId: account, config: {} };

const incoming = { sender: { id: customer }, recipient: { id: account }, timestamp: timeMs };
const outgoing = { sender: { id: account }, recipient: { id: customer }, timestamp: timeMs };
const page = (...entry: Json[]): Json => ({ object: 'instagram', entry });
const entry = (fields: JsonObject): JsonObject => ({ id: account, time: timeMs + 300, ...fields });

const eventsOf = (body: Json) => normalise(body, channel);
function only(events: readonly CanonicalEvent[]): CanonicalEvent {
  const [event, ...others] = events;
  if (event === undefined || others.length > 0) throw new Error(`${events.length} events instead of one`);
  return event;
}
const direct = (item: Json) => only(eventsOf(page(entry({ messaging: [item] }))));
const change = (field: string, value: Json) => only(eventsOf(page(entry({ time: 1793611797, changes: [{ field, value }] }))));

const anyJson = fc.json({ maxDepth: 4, stringUnit: 'binary' }).map((text): Json => JSON.parse(text));

const triggering = { triggers: true, ignoredBecause: undefined };
const ignored = (ignoredBecause: string) => ({ triggers: false, ignoredBecause });
const key = (rest: string) => `instagram:${account}:${rest}`;

describe('a direct message', () => {
  const message = (fields: JsonObject, parties: JsonObject = incoming) => direct({ ...parties, message: { mid: 'M', ...fields } });

  it.each<[string, JsonObject, object]>([
    ['text', { text: 'hi' }, { kind: 'message', text: 'hi', ...triggering }],
    ['an attachment of a type not yet known', { attachments: [{ type: 'ig_hologram' }] }, { kind: 'message', ...triggering }],
    ['a quick reply', { text: 'M', quick_reply: { payload: 'SIZE_M' } }, { kind: 'quick_reply', payload: 'SIZE_M', ...triggering }],
    ['a reply to a story', { text: 'wow', reply_to: { story: { id: '1', url: 'u' } } }, { kind: 'story_reply', ...triggering }],
    ['a story mention', { attachments: [{ type: 'story_mention' }] }, { kind: 'story_mention', text: undefined, ...triggering }],
    ['an unsupported one', { is_unsupported: true }, { kind: 'message_unsupported', ...ignored('unsupported') }],
    ['one without any content we know', { hologram: {} }, { kind: 'message_unsupported', ...ignored('unsupported') }],
  ])('%s', (_what, fields, expected) => {
    expect(message(fields)).toMatchObject({
      action: 'message',
      dedupeKey: key('message:M'),
      accountId: account,
      customerId: customer,
      direction: 'in',
      occurredAt: time,
      ...expected,
    });
  });

  it('tells type and address of its attachments', () => {
    const attachments: Json = [{ type: 'audio', payload: { url: 'https://cdn.example/a' } }, { type: 'ephemeral' }, 'junk'];
    expect(message({ attachments }).attachments).toEqual([{ type: 'audio', url: 'https://cdn.example/a' }, { type: 'ephemeral' }]);
  });

  it('of the account is an echo, with the flag or without', () => {
    const echo = { kind: 'echo', direction: 'out', customerId: customer, dedupeKey: key('message:M'), text: 'hi', ...ignored('echo') };
    expect(message({ text: 'hi' }, outgoing)).toMatchObject(echo);
    expect(message({ text: 'hi', is_echo: true }, outgoing)).toMatchObject(echo);
    expect(message({ text: 'hi', is_echo: true }, incoming)).toMatchObject(echo);
  });

  it('that a quick reply or a story came with is an echo all the same', () => {
    expect(message({ text: 'x', quick_reply: { payload: 'P' }, reply_to: { story: {} } }, outgoing)).toMatchObject({ kind: 'echo' });
  });

  it('taken back is an unsend with a key of its own, on both sides', () => {
    const unsend = { kind: 'unsend', action: 'message', dedupeKey: key('unsend:M'), ...ignored('deletion') };
    expect(message({ is_deleted: true })).toMatchObject({ ...unsend, direction: 'in' });
    expect(message({ is_deleted: true, is_echo: true }, outgoing)).toMatchObject({ ...unsend, direction: 'out', customerId: customer });
  });

  it('without a sender might be ours: it triggers nothing', () => {
    expect(message({ text: 'hi' }, { timestamp: timeMs })).toMatchObject({ kind: 'unknown', customerId: null, ...ignored('unknown') });
  });

  it('keeps ids as strings, even where they came as numbers', () => {
    const item = { sender: { id: 1784930011 }, recipient: { id: account }, timestamp: timeMs, message: { mid: 42, text: 'x' } };
    expect(direct(item)).toMatchObject({ customerId: '1784930011', dedupeKey: key('message:42') });
  });
});

describe('other direct items', () => {
  it.each<[string, JsonObject, object]>([
    ['edit', { message_edit: { mid: 'M', num_edit: 2, text: 'x' } }, { kind: 'message_edit', text: 'x', ...ignored('edit') }],
    ['edit counted as text', { message_edit: { mid: 'M', num_edit: '2' } }, { kind: 'message_edit', dedupeKey: key('edit:M:2') }],
    [
      'edit 0',
      { message_edit: { mid: 'M', num_edit: '0' } },
      { kind: 'message_edit_placeholder', dedupeKey: key('edit:M:0'), ...ignored('placeholder') },
    ],
    [
      'reaction',
      { reaction: { mid: 'M', action: 'react', emoji: '👍🏽' } },
      { kind: 'reaction', emoji: '👍🏽', dedupeKey: key(`reaction:M:${customer}:react:${timeMs}`), ...triggering },
    ],
    [
      'unreaction',
      { reaction: { mid: 'M', action: 'unreact' } },
      { kind: 'unreaction', action: 'reaction', dedupeKey: key(`reaction:M:${customer}:unreact:${timeMs}`), ...ignored('removal') },
    ],
    ['reaction of a new sort', { reaction: { mid: 'M', action: 'overreact' } }, { kind: 'unknown', ...ignored('unknown') }],
    ['postback', { postback: { mid: 'M', payload: 'P' } }, { kind: 'postback', dedupeKey: key('postback:M'), payload: 'P' }],
    [
      'postback without mid',
      { postback: { payload: 'A:B' } },
      { kind: 'postback', dedupeKey: key(`postback:${customer}:${timeMs}:A:B`), ...triggering },
    ],
    [
      'referral',
      { referral: { ref: 'promo' } },
      { kind: 'referral', ref: 'promo', dedupeKey: key(`referral:${customer}:${timeMs}:promo`), ...triggering },
    ],
    ['seen', { read: { mid: 'M' } }, { kind: 'seen', action: 'seen', dedupeKey: key(`seen:${customer}:M`), ...ignored('receipt') }],
    ['optin', { optin: {} }, { kind: 'optin', action: 'optin', dedupeKey: key(`optin:${customer}:${timeMs}`), ...ignored('system') }],
    ['pass', { pass_thread_control: {} }, { kind: 'handover', dedupeKey: key(`handover:${customer}:${timeMs}`), ...ignored('system') }],
    ['take', { take_thread_control: {} }, { kind: 'handover', action: 'handover', ...ignored('system') }],
    ['request', { request_thread_control: {} }, { kind: 'handover', ...ignored('system') }],
    ['feedback', { response_feedback: {} }, { kind: 'feedback', dedupeKey: key(`feedback:${customer}:${timeMs}`), ...ignored('system') }],
    ['anything else', { brand_new_thing: {} }, { kind: 'unknown', action: 'unknown', customerId: customer, ...ignored('unknown') }],
    ['a part that is no object', { message: 'hi' }, { kind: 'unknown', ...ignored('unknown') }],
    ['a part without its id', { message: { text: 'hi' } }, { kind: 'unknown', ...ignored('unknown') }],
  ])('%s', (_what, fields, expected) => expect(direct({ ...incoming, ...fields })).toMatchObject({ occurredAt: time, ...expected }));

  it('policy_enforcement is about nobody', () => {
    const policy = direct({ recipient: { id: account }, timestamp: timeMs, policy_enforcement: { action: 'block' } });
    expect(policy).toMatchObject({ kind: 'policy', customerId: null, dedupeKey: key(`policy::${timeMs}`), ...ignored('system') });
  });

  it('of the account itself trigger nothing', () => {
    expect(direct({ ...outgoing, reaction: { mid: 'M', action: 'react', emoji: '👍' } })).toMatchObject({
      kind: 'reaction',
      customerId: customer,
      direction: 'out',
      ...ignored('echo'),
    });
    expect(direct({ ...outgoing, is_self: true, postback: { mid: 'M', payload: 'P' } })).toMatchObject(ignored('echo'));
  });

  it('a reaction of each side at the same moment are two happenings', () => {
    const reaction = { mid: 'M', action: 'react' };
    expect(direct({ ...incoming, reaction }).dedupeKey).not.toBe(direct({ ...outgoing, reaction }).dedupeKey);
  });

  it('in standby are somebody else’s to answer', () => {
    const standby = (item: Json) => only(eventsOf(page(entry({ standby: [item] }))));
    const copy = { kind: 'standby_message', action: 'standby', ...ignored('standby') };
    expect(standby({ ...incoming, message: { mid: 'M', text: 'hi' } })).toMatchObject({ ...copy, dedupeKey: key('message:M'), text: 'hi' });
    expect(standby({ ...incoming, postback: {} })).toMatchObject({ ...copy, dedupeKey: key(`postback:${customer}:${timeMs}:`) });
    expect(standby({ ...outgoing, message: { mid: 'M' } })).toMatchObject({ ...copy, direction: 'out' });
    expect(standby({ ...incoming, brand_new_thing: {} })).toMatchObject(copy);
    expect(change('standby', { ...incoming, message: { mid: 'M' } })).toMatchObject({ ...copy, dedupeKey: key('message:M') });
  });
});

describe('a change', () => {
  const by = (id: string) => ({ id, username: 'ana.demo' });

  it.each<[string, string, JsonObject, object]>([
    [
      'comment',
      'comments',
      { id: 'C1', from: by(customer), text: 'price?' },
      { kind: 'comment', action: 'comment', customerId: customer, dedupeKey: key('comment:C1'), text: 'price?', ...triggering },
    ],
    ['comment with its other id', 'comments', { comment_id: 'C1', from: by(customer) }, { dedupeKey: key('comment:C1'), ...triggering }],
    [
      'own comment',
      'comments',
      { id: 'C1', from: by(account) },
      { kind: 'comment_own', customerId: null, direction: 'out', ...ignored('own_comment') },
    ],
    [
      'own comment under a scoped id',
      'comments',
      { id: 'C1', from: { ...by('8811'), self_ig_scoped_id: '8811' } },
      { kind: 'comment_own', customerId: null, direction: 'out', ...ignored('own_comment') },
    ],
    ['comment of nobody', 'comments', { id: 'C1', text: 'x' }, { kind: 'comment', customerId: null, ...ignored('author_unknown') }],
    [
      'live comment',
      'live_comments',
      { id: 'C1', from: by(customer), text: 'x' },
      { kind: 'live_comment', action: 'comment', dedupeKey: key('live_comment:C1'), ...triggering },
    ],
    ['own live comment', 'live_comments', { id: 'C1', from: by(account) }, { kind: 'live_comment', ...ignored('own_comment') }],
    [
      'mention in a caption',
      'mentions',
      { media_id: 'X' },
      { kind: 'mention_media', action: 'mention', dedupeKey: key('mention:media:X'), customerId: null, ...triggering },
    ],
    [
      'mention in a comment',
      'mentions',
      { media_id: 'X', comment_id: 'C' },
      { kind: 'mention_comment', dedupeKey: key('mention:comment:C'), ...triggering },
    ],
    [
      'story insights',
      'story_insights',
      { media_id: 'X', reach: 4 },
      { kind: 'story_insights', action: 'insights', dedupeKey: key('story_insights:X'), ...ignored('system') },
    ],
    ['comment without id', 'comments', { text: 'x' }, { kind: 'unknown', ...ignored('unknown') }],
    ['mention of nothing', 'mentions', {}, { kind: 'unknown', ...ignored('unknown') }],
    ['field we do not know', 'holograms', { id: 'H' }, { kind: 'unknown', action: 'unknown', ...ignored('unknown') }],
    ['field named after a prototype', '__proto__', { id: 'H' }, { kind: 'unknown' }],
  ])('%s', (_what, field, value, expected) => {
    expect(change(field, value)).toMatchObject({ accountId: account, occurredAt: '2026-11-02T09:29:57.000Z', ...expected });
  });

  it('says the same directly in the entry', () => {
    const value = { id: 'C1', from: by(customer), text: 'price?' };
    const inEntry = only(eventsOf(page({ id: account, time: 1793611797, field: 'comments', value })));
    expect(inEntry).toEqual(change('comments', value));
  });

  it('may be a direct message, with the key that it has in messaging[]', () => {
    const message = { mid: 'M', text: 'hi' };
    const inMessaging = direct({ ...incoming, message });
    for (const timestamp of [timeMs, String(timeMs)]) {
      const { raw, ...event } = change('messages', { ...incoming, timestamp, message });
      expect(event).toEqual({ ...inMessaging, raw: undefined });
      expect(raw).toEqual({ field: 'messages', value: { ...incoming, timestamp, message } });
    }
  });
});

describe('the time', () => {
  it('is the item’s own, else that of the delivery, else nobody knows', () => {
    const message = { mid: 'M', text: 'hi' };
    expect(direct({ ...incoming, message }).occurredAt).toBe(time);
    expect(direct({ ...incoming, timestamp: '1793611795', message }).occurredAt).toBe('2026-11-02T09:29:55.000Z');
    expect(direct({ ...incoming, timestamp: 'noon', message }).occurredAt).toBe('2026-11-02T09:29:56.100Z');
    expect(only(eventsOf(page({ id: account, messaging: [{ ...incoming, timestamp: null, message }] }))).occurredAt).toBeNull();
  });

  it('of a delivery is in no key', () => {
    const items = { messaging: [{ ...incoming, brand_new: 1 }], changes: [{ field: 'holograms', value: {} }] };
    const keysSentAt = (sent: number) => eventsOf(page({ id: account, time: sent, ...items })).map(({ dedupeKey }) => dedupeKey);
    expect(keysSentAt(1793611796100)).toEqual(keysSentAt(1793611799900));
    const odd = (sent: number) => only(eventsOf(page({ id: account, time: sent, odd: true }))).dedupeKey;
    expect(odd(1793611796100)).toBe(odd(1793611799900));
  });
});

describe('the account', () => {
  const item = { sender: { id: customer }, recipient: { id: 'other' }, timestamp: timeMs, message: { mid: 'M', text: 'hi' } };
  const ofOther = page({ id: 'other', messaging: [item] });

  it('of another channel triggers nothing here', () => {
    expect(only(eventsOf(ofOther))).toMatchObject({
      accountId: 'other',
      customerId: customer,
      foreignAccount: true,
      dedupeKey: 'instagram:other:message:M',
      ...ignored('foreign_account'),
    });
  });

  it('is never foreign where the channel’s own is not known', () => {
    expect(only(normalise(ofOther, { externalAccountId: null }))).toMatchObject({ foreignAccount: undefined, ...triggering });
  });

  it('must be told, or nothing else can be', () => {
    const nameless = only(eventsOf(page({ messaging: [{ ...incoming, message: { mid: 'M', text: 'hi' } }] })));
    expect(nameless).toMatchObject({ kind: 'unknown', accountId: null, ...ignored('unknown') });
  });
});

describe('a body', () => {
  it.each<[string, Json]>([
    ['of another object', { object: 'page', entry: [{ id: account, messaging: [{ ...incoming, message: { mid: 'M', text: 'hi' } }] }] }],
    ['without entries', { object: 'instagram' }],
    ['that is a list', []],
    ['that is null', null],
    ['with an entry that is none', page('junk')],
    ['with an entry without any items', page(entry({}))],
    ['with items that are none', page(entry({ messaging: {} }))],
    ['with an item that is null', page(entry({ messaging: [null] }))],
    ['with a change that is null', page(entry({ changes: [null] }))],
  ])('%s is one unknown event', (_what, body) => expect(only(eventsOf(body))).toMatchObject({ kind: 'unknown', ...ignored('unknown') }));

  it('of no entries is no event', () => {
    expect(eventsOf(page())).toEqual([]);
    expect(eventsOf(page(entry({ messaging: [] })))).toEqual([]);
  });

  it('of far more items than Meta ever sends is one event, not millions', () => {
    const items = (count: number) => page(entry({ messaging: Array.from({ length: count }, (_, at) => at) }));
    expect(eventsOf(items(1000))).toHaveLength(1000);
    expect(only(eventsOf(items(5001)))).toMatchObject({ kind: 'unknown' });
  });
});

describe('keys', () => {
  const aboutOneMessage: JsonObject[] = [
    { message: { mid: 'M', text: 'hi' } },
    { message: { mid: 'M', is_deleted: true } },
    { message_edit: { mid: 'M', num_edit: 0 } },
    { message_edit: { mid: 'M', num_edit: 1 } },
    { message_edit: { mid: 'M', num_edit: 2 } },
    { reaction: { mid: 'M', action: 'react' } },
    { reaction: { mid: 'M', action: 'unreact' } },
    { postback: { mid: 'M' } },
    { read: { mid: 'M' } },
  ];

  it('of different happenings about one message differ', () => {
    const keys = aboutOneMessage.map((fields) => direct({ ...incoming, ...fields }).dedupeKey);
    expect(new Set(keys).size).toBe(aboutOneMessage.length);
  });

  it('apart, each of these happenings names the message', () => {
    for (const fields of aboutOneMessage) expect(direct({ ...incoming, ...fields }).messageId).toBe('M');
    expect(direct({ ...outgoing, message: { mid: 'M', text: 'hi' } })).toMatchObject({
      kind: 'echo',
      messageId: 'M',
      reference: undefined,
    });
  });

  const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 });
  const nasty = fc.string({ unit: fc.constantFrom('M', ':', '%', 'edit', 'message', 'seen'), minLength: 1, maxLength: 6 });
  const id = fc.oneof(text, nasty);
  const part: fc.Arbitrary<JsonObject> = fc.oneof(
    fc.record({ message: fc.record({ mid: id, text }) }),
    fc.record({ message: fc.record({ mid: id, is_deleted: fc.constant(true) }) }),
    fc.record({ message_edit: fc.record({ mid: id, num_edit: fc.nat(3) }) }),
    fc.record({ reaction: fc.record({ mid: id, action: fc.constantFrom('react', 'unreact') }) }),
    fc.record({ postback: fc.record({ mid: id }) }),
    fc.record({ postback: fc.record({ payload: id }) }),
    fc.record({ referral: fc.record({ ref: id }) }),
    fc.record({ read: fc.record({ mid: id }) }),
    fc.record({ novelty: anyJson }),
  );
  /** Of any account, from any sender. */
  const parts = fc.record({ account: id, sender: id, timestamp: fc.integer({ min: 1e12, max: 2e12 }), part });
  const happening = parts.map((made) => {
    const item: JsonObject = { sender: { id: made.sender }, recipient: { id: made.account }, timestamp: made.timestamp, ...made.part };
    return { account: made.account, item };
  });
  const eventOf = (made: { account: string; item: JsonObject }) => only(eventsOf(page({ id: made.account, messaging: [made.item] })));

  it('are the same for a redelivery in any other batch, order and shape', () => {
    const deliveries = fc.array(fc.record({ each: happening, asChange: fc.boolean(), place: fc.nat(5) }), { maxLength: 12 });
    fc.assert(
      fc.property(deliveries, fc.nat(), (made, time) => {
        const regrouped = made
          .toSorted((a, b) => a.place - b.place)
          .map(({ each, asChange }): Json => {
            const { account: id, item } = each;
            const change = asChange && !('novelty' in item);
            return { id, time, ...(change ? { changes: [{ field: 'messages', value: item }] } : { messaging: [item] }) };
          });
        const keys = eventsOf(page(...regrouped)).map(({ dedupeKey }) => dedupeKey);
        expect(keys.sort()).toEqual(made.map(({ each }) => eventOf(each).dedupeKey).sort());
      }),
      { numRuns: 200 },
    );
  });

  it('of different kinds never meet, whatever the ids hold', () => {
    // An echo is a message too: the same mid is the same message.
    const family = ({ kind }: CanonicalEvent) => (kind === 'echo' ? 'message' : kind);
    fc.assert(
      fc.property(happening, happening, (a, b) => {
        const [first, second] = [eventOf(a), eventOf(b)];
        if (family(first) !== family(second)) expect(first.dedupeKey).not.toBe(second.dedupeKey);
      }),
      { numRuns: 500 },
    );
  });
});

describe('hostile input', () => {
  const keys = ['message', 'message_edit', 'reaction', 'postback', 'referral', 'read', 'optin', 'sender', 'timestamp'];
  const junkItem = fc.dictionary(fc.constantFrom(...keys, 'field', 'value', '__proto__', 'constructor'), anyJson);
  const junkEntry = fc.dictionary(
    fc.constantFrom('id', 'time', 'messaging', 'standby', 'changes', 'field', 'value'),
    fc.oneof(anyJson, fc.array(junkItem, { maxLength: 3 })),
  );
  const junkBody = fc.oneof(
    anyJson,
    fc.array(junkEntry, { maxLength: 3 }).map((entries) => page(...entries)),
  );

  it('makes events or none, and never an error', () => {
    fc.assert(
      fc.property(junkBody, (body) => {
        for (const event of eventsOf(body)) {
          expect(event.dedupeKey).toMatch(/^instagram:/);
          expect(Buffer.byteLength(event.dedupeKey)).toBeLessThanOrEqual(1024);
          expect(event.triggers).toBe(event.ignoredBecause === undefined);
          expect(event.customerId === null || typeof event.customerId === 'string').toBe(true);
          expect(event.accountId === null || typeof event.accountId === 'string').toBe(true);
          expect(event.occurredAt ?? '2026-11-02T09:29:55.800Z').toMatch(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('does not overflow the stack', () => {
    const deep: Json = JSON.parse('['.repeat(50_000) + ']'.repeat(50_000));
    expect(direct(deep).kind).toBe('unknown');
  });

  it('pollutes nothing', () => {
    const item: Json = JSON.parse('{"__proto__":{"message":{"mid":"M","text":"hi"},"polluted":1}}');
    expect(direct(item).kind).toBe('unknown');
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
  });

  it('cannot make a key or an id that an index does not hold', () => {
    const payload = 'x'.repeat(100_000);
    expect(direct({ ...incoming, postback: { payload } }).dedupeKey).toMatch(/^instagram:sha256-[0-9a-f]{64}$/);
    expect(direct({ ...incoming, sender: { id: payload }, message: { mid: 'M', text: 'hi' } }).customerId).toBeNull();
  });
});
