import type { Json, JsonObject } from '@sluice/kernel';
import { requiredText } from '../config-fields.js';
import type { EffectNodeType, EffectTools, NodeInput, SendBudget, SendingChannel } from '../node-type.js';
import { toField } from './channel-fields.js';
import { accountOf, channelIdOf } from './channel-of.js';
import { graphErrors, postToGraph } from './meta-graph.js';
import { messageIdIn, objectIn } from './provider-answer.js';
import {
  blockedByPolicy,
  credentialsExpired,
  errorTable,
  type ErrorTable,
  rateLimited,
  recipientUnreachable,
  refused,
  type Trouble,
  unavailable,
  windowClosed,
} from './provider-errors.js';
import { hasReference, proofInEvents, sendInTurn } from './several-messages.js';

const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;

const templateRefused: Trouble = {
  code: 'template_refused',
  says: 'WhatsApp cannot use this template: check its name, language, parameters and whether it is approved',
  retryable: false,
};

export const whatsappErrors: ErrorTable = new Map([
  ...graphErrors,
  ...errorTable(
    [credentialsExpired, 0],
    [rateLimited(10 * SECOND_MS), 130429],
    [rateLimited(30 * SECOND_MS), 131056],
    // Too many people have complained or had enough: hours, not minutes.
    [rateLimited(6 * HOUR_MS), 131048, 131049],
    [unavailable, 131000, 131016, 133016],
    [windowClosed, 131047],
    [recipientUnreachable, 131026],
    [refused, 131051],
    [blockedByPolicy, 131031],
    [templateRefused, ...Array.from({ length: 1000 }, (_, index) => 132_000 + index)],
  ),
]);

export const whatsappTo = toField(
  'The phone number with its country code, or the business-scoped id of a person who has a user name.',
  '4915112345678',
);

/** As WhatsApp names people in its events: digits alone, or a business-scoped id such as `BR.1502…`. */
export function customerIn(config: JsonObject): string {
  const to = requiredText(config, 'to').trim();
  return isScopedId(to) ? to : to.replaceAll(/[\s()+./-]/g, '');
}

const isScopedId = (to: string): boolean => /^[A-Z]{2}\.[\w.-]+$/.test(to);

/** 80 a second for the number, and for each person one in 6 seconds, of which a few may come at once. */
const budgetsOf = (customerId: string): readonly SendBudget[] => [
  { key: 'account', calls: 80, perMs: 1_000 },
  { key: `to/${customerId}`, calls: 45, perMs: 270_000 },
];

/** Sends each content (`{type: 'text', text: …}`) as a message of its own; the status of each will carry its key. */
export function sendByWhatsapp(
  contents: readonly JsonObject[],
  customerId: string,
  channel: SendingChannel,
  { now, tools }: { readonly now: Date; readonly tools: EffectTools },
): Promise<Json> {
  const path = `${accountOf(channel, "number's id (phone_number_id)")}/messages`;
  const recipient: JsonObject = isScopedId(customerId) ? { recipient: customerId } : { to: customerId };
  return sendInTurn(contents, tools.idempotencyKey, async (content, idempotencyKey) => {
    await tools.pace(channel, budgetsOf(customerId));
    const body = {
      messaging_product: 'whatsapp',
      recipient_type: 'individual',
      ...recipient,
      ...content,
      biz_opaque_callback_data: idempotencyKey,
    };
    const answer = await postToGraph({ path, body, idempotencyKey }, channel, { now, tools, errors: whatsappErrors });
    const messages = answer.body['messages'] ?? null;
    const [message] = Array.isArray(messages) ? messages : [];
    return { to: customerId, messageId: messageIdIn('WhatsApp', answer, objectIn(message)['id']) };
  });
}

/** A status is proof, whatever it says: WhatsApp took the message and gave it an id. */
export const whatsappProof = (countOf: (input: NodeInput) => number): NonNullable<EffectNodeType['proof']> => ({
  addressee: (input) => ({ channelId: channelIdOf(input), customerId: customerIn(input.config) }),
  find: (input, idempotencyKey, events) =>
    proofInEvents(countOf(input), events, hasReference(idempotencyKey), { to: customerIn(input.config) }),
});
