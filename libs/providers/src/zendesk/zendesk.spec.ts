import type { Json } from '@sluice/kernel';
import { callOf, channelOf } from '@sluice/testing';
import { zendesk } from './zendesk.js';

const headers = { 'x-zendesk-webhook-invocation-id': 'I', 'x-zendesk-account-id': '22129848' };
const event = (body: Json, given: Record<string, string> = headers) => zendesk.normalise(body, channelOf(['secret']), callOf('', given))[0];

it('what a trigger sends is an event, whatever its author wrote', () => {
  const expected = {
    kind: 'event',
    dedupeKey: 'zendesk:invocation:I',
    accountId: '22129848',
    customerId: null,
    occurredAt: null,
    triggers: true,
  };
  for (const body of [null, 'text', { type: 'urgent', account_id: 1, detail: { requester_id: 'x' }, time: 'noon' }]) {
    expect(event(body)).toMatchObject(expected);
  }
});

it('may have no body, or a form', () => {
  expect(zendesk.parse?.(callOf(''))).toEqual({ kind: 'json', value: null });
  expect(zendesk.parse?.(callOf('a=1&a=2', { 'content-type': 'application/x-www-form-urlencoded' }))).toEqual({
    kind: 'json',
    value: { a: ['1', '2'] },
  });
});

it('of a user is of that customer', () => {
  expect(event({ type: 'zen:event-type:user.created', detail: { id: 7 } })).toMatchObject({ kind: 'user.created', customerId: '7' });
  expect(event({ type: 'zen:event-type:organization.created', detail: { id: 7 } })).toMatchObject({ customerId: null });
});

it('is unknown without its invocation', () => {
  expect(event({ type: 'zen:event-type:ticket.created' }, {})).toMatchObject({ kind: 'unknown', triggers: false });
});
