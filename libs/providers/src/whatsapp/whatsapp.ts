import type { ProviderAdapter } from '../adapter.js';
import { wrongAccount } from '../checks.js';
import { signedCalls } from '../meta/signed-calls.js';
import { normalise } from './normalise.js';
import { whatsappApi } from './api.js';

/**
 * WhatsApp Cloud API: messages to the business's phone numbers and what became of its own. Signed as all that Meta sends, but of another
 * shape than Instagram's and Messenger's. The rules come from Meta's pages on the WhatsApp Business Platform's webhooks and
 * business-scoped user ids.
 */
export const whatsapp: ProviderAdapter = {
  ...signedCalls,
  name: 'whatsapp',
  actionTypes: ['message', 'reaction', 'status', 'system'],
  normalise,
  check: (draft) => wrongAccount(draft, /^\d+$/, 'the id of the phone number, a number, and not the phone number itself'),
  api: whatsappApi,
};
