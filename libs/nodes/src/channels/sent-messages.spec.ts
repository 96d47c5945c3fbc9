import { newId } from '@sluice/kernel';
import { sentMessages } from './sent-messages.js';

const channelId = newId();
const by = (config: { channelId?: string }, trigger: { channelId?: string } = {}) => ({ config, trigger });

it('is what the output names, by the channel of the config, else of the trigger', () => {
  expect(sentMessages(by({ channelId }), { to: '9', messageId: 'm-1' })).toEqual({ channelId, messageIds: ['m-1'] });
  expect(sentMessages(by({}, { channelId }), { messageId: 'm-1' })).toEqual({ channelId, messageIds: ['m-1'] });
  expect(sentMessages(by({ channelId: channelId.toUpperCase() }, { channelId: newId() }), { messageId: 'm-1' })).toMatchObject({
    channelId,
  });
});

it('of several messages is all of them, each once', () => {
  const output = { messageId: 'm-2', messageIds: ['m-1', 'm-2', 'm-2'] };
  expect(sentMessages(by({ channelId }), output)?.messageIds).toEqual(['m-1', 'm-2']);
});

it.each([
  ['no object', 'm-1'],
  ['no message', { status: 200 }],
  ['a message without a name', { messageId: null }],
  ['an empty name', { messageId: '' }],
  ['a name longer than any', { messageId: 'm'.repeat(513) }],
])('is nothing where the output is %s', (_what, output) => expect(sentMessages(by({ channelId }), output)).toBeUndefined());

it('is nothing where no channel is named, or by no id of ours', () => {
  expect(sentMessages(by({ channelId: 'channel-1' }), { messageId: 'm-1' })).toBeUndefined();
  expect(sentMessages(by({}), { messageId: 'm-1' })).toBeUndefined();
});
