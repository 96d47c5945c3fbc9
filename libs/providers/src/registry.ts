import type { ProviderAdapter } from './adapter.js';
import { discord } from './discord/discord.js';
import { facebookPage } from './facebook_page/facebook_page.js';
import { github } from './github/github.js';
import { hmac } from './hmac/hmac.js';
import { hubspot } from './hubspot/hubspot.js';
import { instagram } from './instagram/instagram.js';
import { line } from './line/line.js';
import { messenger } from './messenger/messenger.js';
import { shopify } from './shopify/shopify.js';
import { slack } from './slack/slack.js';
import { standard } from './standard/standard.js';
import { stripe } from './stripe/stripe.js';
import { telegram } from './telegram/telegram.js';
import { token } from './token/token.js';
import { twilio } from './twilio/twilio.js';
import { typeform } from './typeform/typeform.js';
import { whatsapp } from './whatsapp/whatsapp.js';
import { zendesk } from './zendesk/zendesk.js';

const adapters: readonly ProviderAdapter[] = [
  discord,
  facebookPage,
  github,
  hmac,
  hubspot,
  instagram,
  line,
  messenger,
  shopify,
  slack,
  standard,
  stripe,
  telegram,
  token,
  twilio,
  typeform,
  whatsapp,
  zendesk,
];

/** Every provider the gateway can speak to, by the name that channels and paths use. */
export const providers: ReadonlyMap<string, ProviderAdapter> = new Map(adapters.map((adapter) => [adapter.name, adapter]));

export const providerNamed = (name: string): ProviderAdapter | undefined => providers.get(name);
