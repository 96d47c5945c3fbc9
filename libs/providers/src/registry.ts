import type { ProviderAdapter } from './adapter.js';
import { github } from './github/github.js';
import { hmac } from './hmac/hmac.js';
import { hubspot } from './hubspot/hubspot.js';
import { instagram } from './instagram/instagram.js';
import { shopify } from './shopify/shopify.js';
import { standard } from './standard/standard.js';
import { stripe } from './stripe/stripe.js';
import { token } from './token/token.js';
import { typeform } from './typeform/typeform.js';
import { zendesk } from './zendesk/zendesk.js';

const all: readonly ProviderAdapter[] = [
  // Conversations
  instagram,
  // Systems of record
  stripe,
  github,
  shopify,
  hubspot,
  typeform,
  zendesk,
  // Anybody
  standard,
  hmac,
  token,
];

/** Every provider the gateway can speak to, by the name that channels and paths use. */
export const providers: ReadonlyMap<string, ProviderAdapter> = new Map(all.map((adapter) => [adapter.name, adapter]));

export const providerNamed = (name: string): ProviderAdapter | undefined => providers.get(name);
