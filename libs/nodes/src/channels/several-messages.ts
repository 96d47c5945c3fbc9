import type { Json, JsonObject } from '@sluice/kernel';
import { optionalBoolean } from '../config-fields.js';
import { NodeFailure, type OutgoingEvent } from '../node-type.js';
import { type LengthUnit, lengthOf, splitText, waysToCut } from './split-text.js';

/** How long a text a provider takes, and how many messages a node makes of a longer one. */
export interface TextLimit {
  readonly provider: string;
  readonly max: number;
  readonly unit: LengthUnit;
  readonly partsMax: number;
}

/** The texts that are sent for one: several, if it is too long and may be split (`split`). Throws NodeFailure for what is too long. */
export function textParts(text: string, limit: TextLimit, config: JsonObject): readonly string[] {
  const { provider, max, unit, partsMax } = limit;
  const length = lengthOf(text, unit);
  if (length <= max) return [text];
  const mayBeSplit = optionalBoolean(config, 'split') ?? true;
  // Asked before it is split: a text of megabytes is none to work on.
  for (const cuts of mayBeSplit && length <= max * partsMax ? waysToCut : []) {
    const parts = splitText(text, max, unit, cuts);
    if (parts.length > 0 && parts.length <= partsMax) return parts;
  }
  const most = mayBeSplit ? `${partsMax} messages of ${max}` : `${max} in one message`;
  const message = `The text has ${length} ${unit === 'bytes' ? 'bytes in UTF-8' : unit}, ${provider} takes at most ${most}: shorten it`;
  throw new NodeFailure('text_too_long', message, { retryable: false });
}

const partKey = (idempotencyKey: string, index: number): string => (index === 0 ? idempotencyKey : `${idempotencyKey}-${index + 1}`);

/** What was sent, as the provider named it: `messageId`, and whatever else a node puts out. */
export type Sent = JsonObject & { readonly messageId: string };

/** Sends one message after the other. The output is that of the last one, with the ids of all if there are several. */
export async function sendInTurn<Message>(
  messages: readonly Message[],
  idempotencyKey: string,
  send: (message: Message, idempotencyKey: string) => Promise<Sent>,
): Promise<Json> {
  const sent: Sent[] = [];
  for (const [index, message] of messages.entries()) {
    try {
      sent.push(await send(message, partKey(idempotencyKey, index)));
    } catch (error) {
      throw index === 0 ? error : partlySent(sent, messages.length, error);
    }
  }
  const messageIds = sent.map(({ messageId }) => messageId);
  return { ...sent.at(-1), ...(messageIds.length > 1 && { messageIds }) };
}

/** What has gone out would go out twice if the node were tried again, so this node is over. */
function partlySent(sent: readonly Sent[], count: number, error: unknown): NodeFailure {
  const isKnown = error instanceof NodeFailure;
  const reason = isKnown ? { code: error.code, message: error.message } : { code: 'internal', message: 'internal error' };
  return new NodeFailure('partly_sent', `Only ${sent.length} of ${count} messages were sent: ${reason.message}`, {
    retryable: false,
    outcomeUnknown: isKnown && error.options.outcomeUnknown === true,
    details: { sent, reason },
  });
}

/**
 * The output, if the last message is among the events: messages go out one after the other, so it proves all before it. Where only an
 * earlier one is there, nobody knows of the rest, and all are sent again.
 */
export function proofInEvents(
  count: number,
  events: readonly OutgoingEvent[],
  isMessage: (event: OutgoingEvent, index: number) => boolean,
  output: JsonObject,
): Json | undefined {
  const left = [...events];
  const ids = Array.from({ length: count }, (_, index) => {
    const at = left.findIndex((event) => event.messageId !== undefined && isMessage(event, index));
    return at < 0 ? undefined : left.splice(at, 1)[0]?.messageId;
  });
  const messageId = ids.at(-1);
  if (messageId === undefined) return undefined;
  const messageIds = ids.filter((id) => id !== undefined);
  return { ...output, messageId, ...(count > 1 && { messageIds }) };
}

/** For providers that repeat what we gave along with a message. */
export const hasReference =
  (idempotencyKey: string) =>
  ({ reference }: OutgoingEvent, index: number): boolean =>
    reference === partKey(idempotencyKey, index);
