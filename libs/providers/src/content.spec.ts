import type { Json } from '@sluice/kernel';
import { callOf, channelOf } from '@sluice/testing';
import { providerNamed } from './registry.js';

const whatsapp = (message: object): Json =>
  JSON.parse(
    JSON.stringify({
      object: 'whatsapp_business_account',
      entry: [
        {
          id: '1',
          changes: [
            {
              field: 'messages',
              value: { metadata: { phone_number_id: '2' }, messages: [{ from: '49', id: 'wamid.1', timestamp: '1793611800', ...message }] },
            },
          ],
        },
      ],
    }),
  );
const line = (event: object): Json =>
  JSON.parse(JSON.stringify({ destination: 'U1', events: [{ webhookEventId: '01K', timestamp: 1_793_611_800_000, ...event }] }));
const telegram = (message: object): Json =>
  JSON.parse(
    JSON.stringify({ update_id: 1, message: { message_id: 2, date: 1_793_611_800, chat: { id: 3 }, from: { id: 3 }, ...message } }),
  );

const picture = { id: '77', mime_type: 'image/jpeg', caption: 'look' };
const options = [{ name: 'size', type: 3, value: 'L' }];
const place = { latitude: 52.5, longitude: 13.4 };
const actions = [{ action_id: 'size', selected_option: { value: 'L' }, action_ts: '1793611800.1' }];
const state = { values: { when: { day: { type: 'datepicker', selected_date: '2026-12-01' } } } };

describe('what a conversation says that has no word of its own is its content', () => {
  it.each<[provider: string, what: string, body: Json, expected: object]>([
    [
      'whatsapp',
      'a picture with its caption',
      whatsapp({ type: 'image', image: picture }),
      { attachments: [{ type: 'image' }], content: picture },
    ],
    ['whatsapp', 'a place', whatsapp({ type: 'location', location: place }), { content: place }],
    [
      'whatsapp',
      'the label of a button',
      whatsapp({ type: 'button', button: { payload: 'yes', text: 'Yes!' } }),
      { payload: 'yes', content: { text: 'Yes!' } },
    ],
    [
      'discord',
      'the options of a command',
      { id: '1', application_id: '7', token: 't', type: 2, data: { name: 'order', options } },
      { content: { name: 'order', options } },
    ],
    [
      'slack',
      'which command it was',
      { command: '/order', text: 'L', trigger_id: '1', team_id: 'T1' },
      { text: 'L', content: { command: '/order' } },
    ],
    [
      'slack',
      'all that was chosen',
      { type: 'block_actions', trigger_id: '1', actions, state },
      { payload: 'L', content: { actions, state } },
    ],
    [
      'telegram',
      'the id of a picture',
      telegram({ photo: [{ file_id: 'A' }], caption: 'look' }),
      { text: 'look', content: { photo: [{ file_id: 'A' }] } },
    ],
    ['line', 'a place', line({ type: 'message', message: { type: 'location', ...place } }), { content: { type: 'location', ...place } }],
    [
      'line',
      'the day that was picked',
      line({ type: 'postback', postback: { data: 'd', params: { date: '2026-12-01' } } }),
      { payload: 'd', content: { params: { date: '2026-12-01' } } },
    ],
  ])('%s: %s', (provider, _what, body, expected) => {
    expect(providerNamed(provider)?.normalise(body, channelOf(['s']), callOf('{}'))).toMatchObject([expected]);
  });

  it('a text is its text', () => {
    const said = [
      ['whatsapp', whatsapp({ type: 'text', text: { body: 'Hi' } })],
      ['telegram', telegram({ text: 'Hi' })],
      ['line', line({ type: 'message', message: { type: 'text', text: 'Hi' } })],
    ] as const;
    for (const [provider, body] of said) {
      const [event] = providerNamed(provider)?.normalise(body, channelOf(['s']), callOf('{}')) ?? [];
      expect([provider, event?.text, event?.content]).toEqual([provider, 'Hi', undefined]);
    }
  });
});
