import { DEFAULT_HANDLE } from '@sluice/engine';
import type { Json } from '@sluice/kernel';
import { configFailure, requiredText } from '../config-fields.js';
import type { EffectNodeType } from '../node-type.js';
import { textField } from './channel-fields.js';
import { ofTrigger, pathPart } from './channel-of.js';
import { allowedMentions, discordFailure, interactionOver, tokenIsGone } from './discord-errors.js';
import { discordText } from './discord-send-message.js';
import { jsonRequest, messageIdIn, readAnswer } from './provider-answer.js';
import { failureOf } from './provider-errors.js';
import { textParts } from './several-messages.js';

const ANSWER_MS = 15 * 60_000;

export const discordRespond: EffectNodeType = {
  type: 'discord.respond',
  kind: 'effect',
  effect: 'idempotent',
  title: 'Discord: respond to an interaction',
  description:
    'Answers the command, button or form that started the run, within 15 minutes: the text takes the place of "is thinking…", or of what an ' +
    'earlier such node wrote. Its output is `{messageId}`. It needs no bot token.',
  configSchema: {
    title: 'Discord: respond to an interaction',
    type: 'object',
    properties: {
      text: textField('At most 2000 characters.', { maxLength: discordText.max, needsValue: true }),
      event: {
        title: 'Event',
        description: 'The interaction to answer, if it is another than the one that started the run: what a `flow.waitForEvent` put out.',
        default: '{{ trigger }}',
        examples: ['{{ nodes.wait.output }}'],
      },
    },
    required: ['text'],
    additionalProperties: false,
    examples: [{ text: 'Your order {{ input.orderId }} is on its way.' }],
  },
  handles: () => [DEFAULT_HANDLE],
  async run({ config, now }, tools) {
    const { event = null } = config;
    const [content = ''] = textParts(requiredText(config, 'text'), discordText, { split: false });
    const applicationId = applicationOf(event);
    const receivedAt = Date.parse(ofTrigger(event, 'receivedAt') ?? '');
    if (now.getTime() - receivedAt > ANSWER_MS) throw failureOf(interactionOver, { receivedAt: new Date(receivedAt).toISOString() });
    const token = tools.replyToken(event);
    if (token === undefined) throw failureOf(tokenIsGone, {});

    const url = `${tools.providerApi('discord')}/webhooks/${applicationId}/${pathPart('event', token)}/messages/@original`;
    const body = { content, allowed_mentions: allowedMentions };
    const answer = readAnswer(await tools.send(jsonRequest('PATCH', url, { 'idempotency-key': tools.idempotencyKey }, body)), token, now);
    if (answer.status >= 400) throw discordFailure(answer);
    return { kind: 'done', handle: DEFAULT_HANDLE, output: { messageId: messageIdIn('Discord', answer, answer.body['id']) } };
  },
};

function applicationOf(event: Json): string {
  const id = ofTrigger(event, 'provider') === 'discord' ? ofTrigger(event, 'accountId') : undefined;
  if (id === undefined) throw configFailure('event', 'must be an interaction of Discord: none started the run');
  return pathPart('event', id);
}
