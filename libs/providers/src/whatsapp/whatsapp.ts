import type { ProviderAdapter } from '../adapter.js';
import { wrongAccount } from '../checks.js';
import { signature, signedCalls } from '../meta/signed-calls.js';
import { hmacSample, sampleText, secondsOf } from '../samples.js';
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
  sample: (channel, { id, at }) => {
    const from = '15550000000';
    const metadata = { display_phone_number: from, phone_number_id: channel.externalAccountId ?? '1000000000000001' };
    const messages = [{ from, id: `wamid.sluice-test-${id}`, timestamp: String(secondsOf(at)), type: 'text', text: { body: sampleText } }];
    const contacts = [{ wa_id: from, profile: { name: 'Sluice' } }];
    const changes = [{ field: 'messages', value: { messaging_product: 'whatsapp', metadata, contacts, messages } }];
    return hmacSample(channel, signature, { object: 'whatsapp_business_account', entry: [{ id: '1000000000000003', changes }] });
  },
};
