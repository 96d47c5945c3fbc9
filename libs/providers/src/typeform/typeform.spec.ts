import type { Json } from '@sluice/kernel';
import { callOf, channelOf } from '@sluice/testing';
import { typeform } from './typeform.js';

const event = (body: Json, account: string | null = null) => typeform.normalise(body, channelOf(['secret'], {}, account), callOf(''))[0];
const response = { event_id: 'E', event_type: 'form_response', form_response: { form_id: 'F', submitted_at: '2026-11-02T09:29:55Z' } };

it('a partial response has a kind of its own and no time', () => {
  const partial = { event_id: 'E', event_type: 'form_response_partial', form_response: { form_id: 'F' } };
  expect(event(partial)).toMatchObject({ kind: 'form_response_partial', occurredAt: null, triggers: true });
});

it('of another form triggers nothing', () => {
  expect(event(response, 'G')).toMatchObject({ foreignAccount: true, triggers: false });
  expect(event(response, 'F')).toMatchObject({ triggers: true, occurredAt: '2026-11-02T09:29:55.000Z' });
});

it.each(['event_id', 'event_type'])('is unknown without %s', (name) => {
  const { [name]: _, ...rest } = response as Record<string, Json>;
  expect(event(rest)).toMatchObject({ kind: 'unknown', triggers: false });
});
