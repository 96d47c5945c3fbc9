import type { Json } from '@sluice/kernel';
import type { ProviderAdapter, ProviderRequest } from '../adapter.js';
import { businessActions, businessEvent, type BusinessReading, headerOf } from '../business-events.js';
import { idOf, objectOf, timeOf } from '../json-values.js';
import { hmacSample } from '../samples.js';
import { type HmacScheme, verifyHmac } from '../signatures.js';

/**
 * Shopify's webhooks, the mandatory privacy topics among them, and the Events that are to follow them, whose headers lack the
 * `X-`. Shop, topic and ids stand in headers, which are not signed: who has no secret cannot send, but a copied body can be sent
 * again with other headers. Rules: shopify.dev/docs/apps/build/webhooks and …/events (verify deliveries, delivery structure),
 * Shopify/shopify-app-js.
 */
export const shopify: ProviderAdapter = {
  name: 'shopify',
  actionTypes: businessActions,
  bodyBytesMax: 4 * 1024 * 1024,
  verify: (request, { secrets }) => verifyHmac(request.headers, request.body, signatureIn(prefixOf(request)), secrets.signingSecrets),
  normalise: (body, channel, request) => [businessEvent('shopify', read(body, request), body, channel)],
  sample: (channel, { id, at }) =>
    hmacSample(
      channel,
      signatureIn('x-shopify-'),
      { test: true },
      {
        'x-shopify-topic': 'sluice/test',
        'x-shopify-shop-domain': channel.externalAccountId ?? 'sluice-test.myshopify.com',
        'x-shopify-webhook-id': id,
        'x-shopify-triggered-at': at.toISOString(),
      },
    ),
};

const signatureIn = (prefix: string): HmacScheme => ({
  header: `${prefix}hmac-sha256`,
  prefix: '',
  algorithm: 'sha256',
  encoding: 'base64',
});

/** All headers are read in the spelling of the signature that was checked. */
const prefixOf = ({ headers }: ProviderRequest) =>
  headers['x-shopify-hmac-sha256'] === undefined && headers['shopify-hmac-sha256'] !== undefined ? 'shopify-' : 'x-shopify-';

function read(body: Json, request: ProviderRequest): BusinessReading | undefined {
  const prefix = prefixOf(request);
  const topic = headerOf(request, `${prefix}topic`);
  const shop = headerOf(request, `${prefix}shop-domain`)?.toLowerCase();
  const id = headerOf(request, `${prefix}webhook-id`);
  const payload = objectOf(body);
  if (topic === undefined || shop === undefined || id === undefined || payload === undefined) return undefined;

  const customer = objectOf(payload.customer) ?? (/^customers\/\w+$/.test(topic) ? payload : undefined);
  return {
    kind: topic,
    key: [shop, 'webhook', id],
    accountId: shop,
    customerId: idOf(customer?.id),
    occurredMs: timeOf(headerOf(request, `${prefix}triggered-at`)),
  };
}
