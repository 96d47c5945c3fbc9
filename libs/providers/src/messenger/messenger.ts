import type { ProviderAdapter } from '../adapter.js';
import { wrongAccount } from '../checks.js';
import { type Dialect, normaliseEntries } from '../meta/entries.js';
import { messageSample } from '../meta/sample.js';
import { signedCalls } from '../meta/signed-calls.js';
import { readPageMessaging } from './messaging.js';
import { pageApi } from './api.js';

const dialect: Dialect = { provider: 'messenger', object: 'page', readMessaging: readPageMessaging };

/**
 * Messenger: what people and a Facebook Page write to each other. As Instagram, but receipts speak of all messages until a time, and
 * echoes carry the app that wrote them. The rules come from Meta's pages on the Messenger Platform's webhook events.
 */
export const messenger: ProviderAdapter = {
  ...signedCalls,
  name: 'messenger',
  actionTypes: [
    'message',
    'message_edit',
    'reaction',
    'postback',
    'referral',
    'delivery',
    'seen',
    'optin',
    'handover',
    'policy',
    'feedback',
    'standby',
  ],
  normalise: (body, channel) => normaliseEntries(dialect, body, channel),
  check: (draft) => wrongAccount(draft, /^\d+$/, "the Page's id, a number"),
  api: pageApi(),
  sample: messageSample(dialect.object),
};
