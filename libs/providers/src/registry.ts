import type { ProviderAdapter } from './adapter.js';
import { discord } from './discord/discord.js';
import { facebookPage } from './facebook_page/facebook_page.js';
import { instagram } from './instagram/instagram.js';
import { line } from './line/line.js';
import { messenger } from './messenger/messenger.js';
import { slack } from './slack/slack.js';
import { telegram } from './telegram/telegram.js';
import { twilio } from './twilio/twilio.js';
import { whatsapp } from './whatsapp/whatsapp.js';

const adapters: readonly ProviderAdapter[] = [discord, facebookPage, instagram, line, messenger, slack, telegram, twilio, whatsapp];

/** Every provider the gateway can speak to, by the name that channels and paths use. */
export const providers: ReadonlyMap<string, ProviderAdapter> = new Map(adapters.map((adapter) => [adapter.name, adapter]));

export const providerNamed = (name: string): ProviderAdapter | undefined => providers.get(name);
