import type { NodeCase } from '../node-cases.js';

const trigger = { kind: 'comment', channelId: 'channel-1', customerId: '9001', dedupeKey: 'instagram:17841:comment:17858893269123456' };

export const instagramReplyToCommentCases: readonly NodeCase[] = [
  {
    says: 'Replies to the comment that started the run.',
    config: { text: 'Thank you! We have written to you.' },
    trigger,
    answers: [{ status: 200, body: { id: '17873440459141021' } }],
    sends: [
      {
        method: 'POST',
        url: 'https://graph.instagram.example/v23.0/17858893269123456/replies',
        headers: { authorization: 'Bearer token-1', 'idempotency-key': 'key-1' },
        body: { message: 'Thank you! We have written to you.' },
      },
    ],
    gives: { kind: 'done', handle: 'out', output: { commentId: '17858893269123456', messageId: '17873440459141021' } },
  },
  {
    says: 'Replies to another comment.',
    config: { channelId: 'channel-1', commentId: '17900000000000001', text: 'Thank you!' },
    answers: [{ status: 200, body: { id: '1' } }],
    sends: [{ method: 'POST', url: 'https://graph.instagram.example/v23.0/17900000000000001/replies', body: { message: 'Thank you!' } }],
    gives: { kind: 'done', output: { messageId: '1' } },
  },
  {
    says: 'Does not send an id that leads elsewhere.',
    config: { commentId: '../me', text: 'Thank you!' },
    trigger,
    sends: [],
    gives: { fails: 'config_invalid' },
  },
  {
    says: 'Fails for good when the comment is gone.',
    config: { text: 'Thank you!' },
    trigger,
    answers: [{ status: 400, body: { error: { message: 'Object does not exist', code: 100, error_subcode: 33 } } }],
    gives: { fails: 'provider_refused' },
  },
];
