import { randomBytes } from 'node:crypto';
import type { Json } from '@sluice/kernel';
import { openReplyToken, sealReplyToken } from './reply-tokens.js';

const key = (id: string) => ({ id, key: randomBytes(32) });
const encryption = { keys: [key('k1')] };
const tenantId = 'tenant-1';
const name = { channelId: 'channel-1', dedupeKey: 'line:U:event:01K' };
const replyToken = sealReplyToken('m4rker', { tenantId, ...name }, encryption);
const event = { kind: 'message', ...name, replyToken };
const opened = (from: Json, tenant = tenantId, keys = encryption.keys) => openReplyToken(from, tenant, { keys });

it('I12: an event carries its token unreadable, and it opens for that event', () => {
  expect(JSON.stringify(event)).not.toMatch(/m4rker|bTRya2Vy/);
  expect(Buffer.from(replyToken.sealed, 'base64').toString('latin1')).not.toContain('m4rker');
  expect(opened(event)).toBe('m4rker');
  expect(opened(event, tenantId, [key('k2'), ...encryption.keys])).toBe('m4rker');
});

it('the token of another tenant does not open', () => expect(opened(event, 'tenant-2')).toBeUndefined());

it.each<[string, Json]>([
  ['of another channel', { ...event, channelId: 'channel-2' }],
  ['of another happening', { ...event, dedupeKey: 'line:U:event:02K' }],
  ['that was changed', { ...event, replyToken: { ...replyToken, sealed: replyToken.sealed.replace(/^../, 'AA') } }],
  ['that was cut', { ...event, replyToken: { ...replyToken, sealed: 'AAAA' } }],
  ['without a token', name],
  ['whose token is readable', { ...event, replyToken: 'm4rker' }],
  ['that is none', null],
])('the token of an event %s does not open', (_what, from) => expect(opened(from)).toBeUndefined());

it('a key that is gone means no token', () => expect(opened(event, tenantId, [key('k2')])).toBeUndefined());
