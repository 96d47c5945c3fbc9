import type { NodeCase } from './node-cases.js';

const trigger = { kind: 'message', channelId: 'channel-1', customerId: '9001', text: 'I want to book' };

export const flowWaitForEventCases: readonly NodeCase[] = [
  {
    says: "Waits for anything that the trigger's customer does next on the trigger's channel, for 366 days.",
    config: {},
    trigger,
    gives: {
      kind: 'awaitEvent',
      channelId: 'channel-1',
      customerId: '9001',
      kinds: [],
      exclusive: true,
      until: '2027-06-02T12:00:00.000Z',
    },
  },
  {
    says: 'Waits for some kinds of events, and for an hour: then it goes on by `timeout` with its input.',
    config: { kinds: ['message', 'story_reply'], timeoutMs: 3_600_000 },
    trigger,
    gives: { kind: 'awaitEvent', kinds: ['message', 'story_reply'], until: '2026-06-01T13:00:00.000Z' },
  },
  {
    says: 'Lets through only events for which the condition is true; it sees `event` beside what every expression sees.',
    config: { condition: '$contains(event.text, input.code) and event.kind = trigger.kind' },
    trigger,
    input: { code: 'B-17' },
    events: [
      { event: { kind: 'message', text: 'It is B-17' }, fits: true },
      { event: { kind: 'message', text: 'I do not know' }, fits: false },
      { event: { kind: 'comment', text: 'It is B-17' }, fits: false },
    ],
    gives: { kind: 'awaitEvent', channelId: 'channel-1', customerId: '9001' },
  },
  {
    says: 'Lets the event start a run of this workflow too, if it is not to be exclusive.',
    config: { exclusive: false },
    trigger,
    gives: { kind: 'awaitEvent', exclusive: false },
  },
  {
    says: 'Waits for another customer on another channel, until a time.',
    config: { channelId: '{{ input.channelId }}', customerId: '{{ input.owner }}', until: '2026-06-02T09:00:00+02:00' },
    trigger,
    input: { channelId: 'channel-2', owner: 4711 },
    gives: { kind: 'awaitEvent', channelId: 'channel-2', customerId: '4711', until: '2026-06-02T07:00:00.000Z' },
  },
  {
    says: 'Goes on by `timeout` at once when the time has passed.',
    config: { until: '{{ input.closesAt }}' },
    trigger,
    input: { closesAt: '2026-06-01T09:00:00Z' },
    gives: { kind: 'done', handle: 'timeout', output: { closesAt: '2026-06-01T09:00:00Z' } },
  },
  {
    says: 'Fails in a run that no channel started, if the config names none.',
    config: { customerId: '9001' },
    trigger: { orderId: 7 },
    gives: { fails: 'config_invalid' },
  },
  {
    says: 'Fails for an event without a customer, if the config names none.',
    config: {},
    trigger: { kind: 'comment', channelId: 'channel-1', customerId: null },
    gives: { fails: 'config_invalid' },
  },
  {
    says: 'Waits at most 366 days.',
    config: { until: '{{ input.closesAt }}' },
    trigger,
    input: { closesAt: '2028-01-01T00:00:00Z' },
    gives: { fails: 'config_invalid' },
  },
  {
    says: 'Takes `timeoutMs` or `until`, not both.',
    config: { timeoutMs: 3_600_000, until: '2026-06-02T09:00:00+02:00' },
    gives: { refused: 'invalid_config' },
  },
];
