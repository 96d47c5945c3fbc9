import { isJsonObject, type Json, type JsonObject } from '@sluice/kernel';
import type { EffectTools, NodeFailure, OutboundResponse, SendingChannel } from '../node-type.js';
import { excerpt } from '../response-body.js';
import { bareFailure, jsonRequest, objectIn, type ProviderAnswer, readAnswer } from './provider-answer.js';
import {
  blockedByPolicy,
  credentialsExpired,
  errorTable,
  type ErrorTable,
  failureOf,
  permissionMissing,
  rateLimited,
  recipientUnknown,
  recipientUnreachable,
  refused,
  type Trouble,
  unavailable,
  unavailableWith,
  windowClosed,
} from './provider-errors.js';

const GRAPH_VERSION = 'v23.0';
const MINUTE_MS = 60_000;
const PAUSE_MS_MAX = 24 * 60 * MINUTE_MS;

const alreadyReplied: Trouble = {
  code: 'already_replied',
  says: 'This comment has had its private reply: Meta allows one',
  retryable: false,
};

/** Codes of the Graph API, the same for all of Meta's products. */
export const graphErrors = errorTable(
  [unavailable, 1, 2],
  [rateLimited(2 * MINUTE_MS), 4, 17, 32, 341, 613, 80002, 80006, 80007],
  [credentialsExpired, 102, 190],
  [permissionMissing, 10, ...Array.from({ length: 100 }, (_, index) => 200 + index)],
  [refused, 100],
  [recipientUnreachable, 551, 1545041],
  [blockedByPolicy, 368],
  [alreadyReplied, 10900],
);

/** Subcodes that say more than their code. */
const graphSubcodes = errorTable([windowClosed, '10/2534022', '10/2018278'], [recipientUnknown, '100/2534014', '100/2018001']);

export interface GraphCall {
  /** Below the version: `me/messages` */
  readonly path: string;
  readonly body: JsonObject;
  readonly idempotencyKey: string;
}

/** Posts to the API of the channel's product. Throws NodeFailure for what Meta refuses. */
export async function postToGraph(
  { path, body, idempotencyKey }: GraphCall,
  channel: SendingChannel,
  { now, tools, errors = graphErrors }: { readonly now: Date; readonly tools: EffectTools; readonly errors?: ErrorTable },
): Promise<ProviderAnswer> {
  const url = `${tools.providerApi(channel.provider)}/${GRAPH_VERSION}/${path}`;
  const headers = { authorization: `Bearer ${channel.accessToken}`, 'idempotency-key': idempotencyKey };
  const answer = readAnswer(await tools.send(jsonRequest('POST', url, headers, body)), channel.accessToken, now);
  if (answer.status >= 400 || 'error' in answer.body) throw graphFailure(answer, errors);
  return answer;
}

/**
 * What an error means for the next attempt. Codes and subcodes decide, never the text. A limit or a refusal is a message that was not sent,
 * whatever the status; a trouble of Meta's own behind a 5xx, named or bare, says nothing about that.
 */
function graphFailure(answer: ProviderAnswer, errors: ErrorTable): NodeFailure {
  const { status, body } = answer;
  const { error } = body;
  if (error === undefined || !isJsonObject(error)) return bareFailure('Meta', answer);
  const code = numberOf(error['code']);
  const subcode = numberOf(error['error_subcode']);
  const details = {
    status,
    code: error['code'] ?? null,
    subcode: error['error_subcode'] ?? null,
    message: excerpt(wordsOf(error)),
    trace: error['fbtrace_id'] ?? null,
  };
  const trouble = graphSubcodes.get(`${code}/${subcode}`) ?? errors.get(code);
  const isTransient = error['is_transient'] === true || status >= 500;
  const meaning = trouble === undefined || trouble === refused ? (isTransient ? unavailable : refused) : trouble;
  const retryAfterMs = meaning.code === 'rate_limited' ? (regainAccessMs(answer) ?? answer.retryAfterMs) : undefined;
  return failureOf(meaning === unavailable ? unavailableWith(status) : meaning, details, retryAfterMs);
}

/** WhatsApp says in `error_data` what the message leaves open. */
function wordsOf(error: JsonObject): string {
  const { details } = objectIn(error['error_data']);
  return [error['message'], details].filter((words) => typeof words === 'string').join(': ');
}

const numberOf = (value: Json | undefined): number => (typeof value === 'number' || typeof value === 'string' ? Number(value) : Number.NaN);

/** The usage headers name minutes, deep inside JSON that is laid out differently in each of them. */
function regainAccessMs({ headers }: Pick<OutboundResponse, 'headers'>): number | undefined {
  const minutes = ['x-business-use-case-usage', 'x-app-usage'].flatMap((name) => {
    try {
      return estimates(JSON.parse(headers[name] ?? 'null'));
    } catch {
      return [];
    }
  });
  const longest = Math.max(0, ...minutes);
  return longest > 0 ? Math.min(longest * MINUTE_MS, PAUSE_MS_MAX) : undefined;
}

function estimates(value: unknown): number[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, part]) =>
    name === 'estimated_time_to_regain_access' && typeof part === 'number' ? [part] : estimates(part),
  );
}
