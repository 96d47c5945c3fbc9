import { createHmac } from 'node:crypto';
import type { Json } from '@sluice/kernel';
import { callOf, callTime, channelOf } from '@sluice/testing';
import { stripe } from './stripe.js';

const secret = 'whsec_SluiceMainTestSecret0001';
const body = '{"id":"evt_1"}';
const time = callTime.getTime() / 1000;
const v1 = createHmac('sha256', secret).update(`${time}.${body}`).digest('hex');
const verified = (header: string) => stripe.verify(callOf(body, { 'stripe-signature': header }), channelOf([secret]));
const refused = (reason: string) => ({ ok: false, reason });

it.each([
  ['the parts in another order', `v1=${v1},t=${time}`, { ok: true }],
  ['a scheme that is not known yet', `t=${time},v2=abc,v1=${v1}`, { ok: true }],
  ['no time', `v1=${v1}`, refused('timestamp_missing')],
  ['an empty time', `t=,v1=${v1}`, refused('timestamp_malformed')],
  ['a time and letters', `t=${time}abc,v1=${v1}`, refused('timestamp_malformed')],
  ['two times', `t=${time},t=1,v1=${v1}`, refused('signature_malformed')],
  ['a v0 that is right', `t=${time},v0=${v1}`, refused('signature_missing')],
  ['a v1 that is no hex', `t=${time},v1=nothex`, refused('signature_malformed')],
  ['more signatures than secrets can be', `t=${time}${`,v1=${v1}`.repeat(17)}`, refused('signature_malformed')],
])('a header with %s', (_what, header, expected) => expect(verified(header)).toEqual(expected));

it('uses the secret as text, `whsec_` included', () => {
  const bare = createHmac('sha256', secret.slice('whsec_'.length)).update(`${time}.${body}`).digest('hex');
  expect(verified(`t=${time},v1=${bare}`)).toEqual(refused('signature_mismatch'));
});

describe('an event', () => {
  const event = (value: Json, account: string | null = null) => stripe.normalise(value, channelOf([secret], {}, account), callOf(body))[0];
  const of = (object: Json) => event({ id: 'evt_1', type: 'x.y', created: 1, data: { object } });

  it('is of the customer, however Stripe writes it', () => {
    expect(of({ object: 'invoice', customer: 'cus_1' })).toMatchObject({ customerId: 'cus_1' });
    expect(of({ object: 'invoice', customer: { id: 'cus_1', object: 'customer' } })).toMatchObject({ customerId: 'cus_1' });
    expect(of({ object: 'customer', id: 'cus_1' })).toMatchObject({ customerId: 'cus_1' });
    expect(of({ object: 'invoice', customer: null })).toMatchObject({ customerId: null });
  });

  it('may be thin: without its object, and with an ISO time', () => {
    const thin = { id: 'evt_2', object: 'v2.core.event', type: 'v1.billing.meter.no_meter_found', created: '2026-11-02T09:29:50.123Z' };
    expect(event(thin)).toMatchObject({ kind: thin.type, occurredAt: thin.created, customerId: null, triggers: true });
  });

  it('of another Connect account than the channel’s triggers nothing', () => {
    const ofOther = { id: 'evt_3', type: 'account.updated', account: 'acct_2' };
    expect(event(ofOther, 'acct_1')).toMatchObject({ foreignAccount: true, triggers: false, ignoredBecause: 'foreign_account' });
    expect(event(ofOther, 'acct_2')).toMatchObject({ foreignAccount: undefined, triggers: true });
  });

  it.each([[null], [[]], [{ id: 'evt_4' }], [{ type: 'x.y' }], [{ id: 4.5, type: 'x.y' }]])('%j is unknown', (value) => {
    expect(event(value)).toMatchObject({ kind: 'unknown', triggers: false, ignoredBecause: 'unknown' });
  });
});
