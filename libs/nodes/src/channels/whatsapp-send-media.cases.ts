import type { NodeCase } from '../node-cases.js';

const trigger = { kind: 'message', channelId: 'channel-1', customerId: '4915112345678' };
const url = 'https://graph.whatsapp.example/v23.0/17841/messages';
const accepted = {
  status: 200,
  body: { messaging_product: 'whatsapp', contacts: [{ input: '1', wa_id: '1' }], messages: [{ id: 'wamid-1' }] },
};

export const whatsappSendMediaCases: readonly NodeCase[] = [
  {
    says: 'Sends a document that WhatsApp fetches.',
    config: {
      to: '{{ trigger.customerId }}',
      type: 'document',
      link: 'https://shop.example.com/invoice.pdf',
      filename: 'invoice.pdf',
      caption: 'Thank you!',
    },
    trigger,
    answers: [accepted],
    sends: [
      {
        method: 'POST',
        url,
        headers: { authorization: 'Bearer token-1', 'idempotency-key': 'key-1' },
        body: {
          to: '4915112345678',
          type: 'document',
          document: { link: 'https://shop.example.com/invoice.pdf', caption: 'Thank you!', filename: 'invoice.pdf' },
          biz_opaque_callback_data: 'key-1',
        },
      },
    ],
    gives: { kind: 'done', handle: 'out', output: { to: '4915112345678', messageId: 'wamid-1' } },
  },
  {
    says: 'Sends a sound that was uploaded before; sounds have no caption.',
    config: { to: '4915112345678', type: 'audio', id: '1013859600285441', caption: 'Listen!' },
    trigger,
    answers: [accepted],
    sends: [{ method: 'POST', url, body: { type: 'audio', audio: { id: '1013859600285441' } } }],
    gives: { kind: 'done', output: { messageId: 'wamid-1' } },
  },
  {
    says: 'Sends nothing when more than 24 hours have passed since the customer last wrote.',
    config: { to: '4915112345678', type: 'image', link: 'https://shop.example.com/menu.png' },
    trigger,
    lastMessageAt: '2026-05-31T11:59:59Z',
    sends: [],
    gives: { fails: 'window_closed' },
  },
  {
    says: 'Needs a link or an id, and not both.',
    config: { to: '4915112345678', type: 'image' },
    gives: { refused: 'invalid_config' },
  },
];
