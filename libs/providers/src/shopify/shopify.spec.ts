import { createHmac } from 'node:crypto';
import type { Json } from '@sluice/kernel';
import { callOf, channelOf } from '@sluice/testing';
import { shopify } from './shopify.js';

const secret = 'shpss_sluice_main_0001';
const digest = createHmac('sha256', secret).update('{}').digest('base64');
const facts = {
  topic: 'orders/create',
  'shop-domain': 'a.myshopify.com',
  'webhook-id': 'W',
  'triggered-at': '2026-11-02T09:29:52.185082224Z',
};
const headersWith = (prefix: string, fields: Record<string, string> = facts): Record<string, string> =>
  Object.fromEntries(Object.entries({ ...fields, 'hmac-sha256': digest }).map(([name, value]) => [`${prefix}${name}`, value]));
const event = (headers: Record<string, string>, account: string | null = null, body: Json = {}) =>
  shopify.normalise(body, channelOf([secret], {}, account), callOf('{}', headers))[0];

it.each(['x-shopify-', 'shopify-'])('reads all headers in the spelling of the signature: %s', (prefix) => {
  const headers = headersWith(prefix);
  expect(shopify.verify(callOf('{}', headers), channelOf([secret]))).toEqual({ ok: true });
  expect(event(headers)).toMatchObject({
    kind: 'orders/create',
    dedupeKey: 'shopify:a.myshopify.com:webhook:W',
    occurredAt: '2026-11-02T09:29:52.185Z',
  });
});

it('does not let a second spelling stand in for the one that is signed', () => {
  const both = { ...headersWith('shopify-'), 'x-shopify-hmac-sha256': Buffer.alloc(32).toString('base64') };
  expect(shopify.verify(callOf('{}', both), channelOf([secret]))).toEqual({ ok: false, reason: 'signature_mismatch' });
});

it('of another shop triggers nothing', () => {
  const headers = headersWith('x-shopify-');
  expect(event(headers, 'b.myshopify.com')).toMatchObject({ foreignAccount: true, triggers: false });
  expect(event(headersWith('x-shopify-', { ...facts, 'shop-domain': 'A.MyShopify.com' }), 'a.myshopify.com')).toMatchObject({
    triggers: true,
  });
});

it('knows the customer of an order and of the customer topics', () => {
  expect(event(headersWith('x-shopify-'), null, { customer: { id: '115310627314723954' } })).toMatchObject({
    customerId: '115310627314723954',
  });
  expect(event(headersWith('x-shopify-', { ...facts, topic: 'customers/update' }), null, { id: 9 })).toMatchObject({ customerId: '9' });
  expect(event(headersWith('x-shopify-'), null, { id: 9 })).toMatchObject({ customerId: null });
});

it.each(['topic', 'shop-domain', 'webhook-id'])('is unknown without its %s', (name) => {
  const { [name]: _, ...rest } = facts as Record<string, string>;
  expect(event(headersWith('x-shopify-', rest))).toMatchObject({ kind: 'unknown', triggers: false });
});
