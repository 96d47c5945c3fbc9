import type { NodeCase } from '../node-cases.js';

const url = 'https://graph.whatsapp.example/v23.0/17841/messages';
const accepted = {
  status: 200,
  body: { messaging_product: 'whatsapp', contacts: [{ input: '1', wa_id: '1' }], messages: [{ id: 'wamid-1' }] },
};
const config = { channelId: 'channel-1', to: '4915112345678', name: 'order_sent', language: 'en_US' };

export const whatsappSendTemplateCases: readonly NodeCase[] = [
  {
    says: 'Sends a template with its parameters.',
    config: { ...config, components: [{ type: 'body', parameters: [{ type: 'text', text: '{{ input.orderId }}' }] }] },
    input: { orderId: 'A-7' },
    answers: [accepted],
    sends: [
      {
        method: 'POST',
        url,
        headers: { authorization: 'Bearer token-1', 'idempotency-key': 'key-1' },
        body: {
          messaging_product: 'whatsapp',
          recipient_type: 'individual',
          to: '4915112345678',
          type: 'template',
          template: {
            name: 'order_sent',
            language: { code: 'en_US' },
            components: [{ type: 'body', parameters: [{ type: 'text', text: 'A-7' }] }],
          },
          biz_opaque_callback_data: 'key-1',
        },
      },
    ],
    gives: { kind: 'done', handle: 'out', output: { to: '4915112345678', messageId: 'wamid-1' } },
  },
  {
    says: 'Sends it also when the customer last wrote long ago.',
    config,
    lastMessageAt: '2026-01-01T00:00:00Z',
    answers: [accepted],
    sends: [{ method: 'POST', url, body: { template: { name: 'order_sent', language: { code: 'en_US' } } } }],
    gives: { kind: 'done', output: { messageId: 'wamid-1' } },
  },
  {
    says: 'Fails for good when there is no such template.',
    config,
    answers: [{ status: 404, body: { error: { message: '(#132001) Template name does not exist in the translation', code: 132001 } } }],
    gives: { fails: 'template_refused' },
  },
  { says: 'Needs to know the language.', config: { to: '1', name: 'order_sent' }, gives: { refused: 'invalid_config' } },
];
