import { DEFAULT_HANDLE } from '@sluice/engine';
import { configFailure, optionalText, requiredText } from '../config-fields.js';
import type { EffectNodeType, NodeInput } from '../node-type.js';
import { textField } from './channel-fields.js';
import { ofTrigger, pathPart } from './channel-of.js';
import { allowedMentions, discordFailure, interactionOver } from './discord-errors.js';
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
      applicationId: { title: 'Application', description: "Its id. Without it: the trigger's.", type: 'string', minLength: 1 },
      token: { title: 'Token', description: "The interaction's token. Without it: the trigger's.", type: 'string', minLength: 1 },
    },
    required: ['text'],
    additionalProperties: false,
    examples: [{ text: 'Your order {{ input.orderId }} is on its way.' }],
  },
  handles: () => [DEFAULT_HANDLE],
  async run(input, tools) {
    const { config, now } = input;
    const [content = ''] = textParts(requiredText(config, 'text'), discordText, { split: false });
    const applicationId = idOf(input, 'applicationId', 'accountId');
    const token = idOf(input, 'token', 'replyToken');
    const receivedAt = Date.parse(ofTrigger(input.trigger, 'receivedAt') ?? '');
    if (optionalText(config, 'token') === undefined && now.getTime() - receivedAt > ANSWER_MS) {
      throw failureOf(interactionOver, { receivedAt: new Date(receivedAt).toISOString() });
    }
    const url = `${tools.providerApi('discord')}/webhooks/${applicationId}/${token}/messages/@original`;
    const body = { content, allowed_mentions: allowedMentions };
    const answer = readAnswer(await tools.send(jsonRequest('PATCH', url, { 'idempotency-key': tools.idempotencyKey }, body)), token, now);
    if (answer.status >= 400) throw discordFailure(answer);
    return { kind: 'done', handle: DEFAULT_HANDLE, output: { messageId: messageIdIn('Discord', answer, answer.body['id']) } };
  },
};

function idOf({ config, trigger }: NodeInput, field: string, fieldOfTrigger: string): string {
  const ofDiscord = ofTrigger(trigger, 'provider') === 'discord' ? ofTrigger(trigger, fieldOfTrigger) : undefined;
  const id = optionalText(config, field) ?? ofDiscord;
  if (id === undefined) throw configFailure(field, 'is needed: the run was not started by an interaction of Discord');
  return pathPart(field, id);
}
