import type { InputError, Json, JsonObject } from '@sluice/kernel';
import type { ParsedBody } from './hostile.js';
import type { ProviderApi } from './provider-api.js';

/** One HTTP call of a provider, as received. */
export interface ProviderRequest {
  readonly method: string;
  /** Path and query as they came, e.g. `/webhooks/…/twilio/message?a=b` */
  readonly url: string;
  /** Exactly the received bytes; nothing was decoded, trimmed or re-serialised. */
  readonly body: Buffer;
  /** Lower-case names; a repeated header is an array. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** A repeated parameter is an array. */
  readonly query: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly receivedAt: Date;
}

/** What a channel keeps for its provider. `signingSecrets`: every active one is accepted (rotation). */
export interface ChannelSecrets {
  readonly signingSecrets: readonly string[];
  readonly verifyToken?: string;
}

/** Whom a call is for: a channel, or a provider app that stands for no account of its own. */
export interface Channel {
  readonly externalAccountId: string | null;
  readonly config: JsonObject;
  readonly secrets: ChannelSecrets;
  /** Where providers call us, without a path, e.g. `https://hooks.example.com`: for those who sign the address */
  readonly publicUrl: string;
}

/** Why a call was refused: for logs and metrics, never for the answer's body. */
export type RejectionReason =
  | 'signature_missing'
  | 'signature_malformed'
  | 'signature_mismatch'
  | 'signature_repeated'
  | 'id_missing'
  | 'secret_missing'
  | 'secret_mismatch'
  | 'token_missing'
  | 'token_mismatch'
  | 'timestamp_missing'
  | 'timestamp_malformed'
  | 'timestamp_stale'
  | 'timestamp_future'
  | 'verify_mode_missing'
  | 'verify_token_mismatch'
  | 'verify_challenge_missing'
  | 'verify_parameter_repeated'
  | 'handshake_unsupported'
  | 'config_invalid'
  | 'malformed_json';

export type Verification = { readonly ok: true } | { readonly ok: false; readonly reason: RejectionReason };

export interface ProviderAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** The answer to a handshake (`GET`), or why it is refused. */
export type HandshakeAnswer = ({ readonly ok: true } & ProviderAnswer) | { readonly ok: false; readonly reason: RejectionReason };

/** What a token is refreshed with, where it is not by itself alone */
export interface RefreshSecrets {
  readonly refreshToken?: string;
  readonly clientId?: string;
  readonly clientSecret?: string;
}

/** A channel as somebody is about to connect it. */
export interface ChannelDraft extends Omit<Channel, 'publicUrl' | 'secrets'> {
  readonly secrets: ChannelSecrets & RefreshSecrets & { readonly accessToken?: string };
}

/** One canonical event: what a provider reported, in the words that are the same for all of them. */
export interface CanonicalEvent {
  readonly kind: string;
  /** The family that a path's `:actionType` and a registration's `actionTypes` select. */
  readonly action: string;
  /** Unique within (tenant, channel); equal for a redelivery of the same happening, in whatever batch. */
  readonly dedupeKey: string;
  readonly accountId: string | null;
  readonly customerId: string | null;
  /** Further ids of the same customer */
  readonly customerAliases?: readonly string[];
  readonly conversationId?: string;
  readonly direction: 'in' | 'out';
  /** ISO 8601 UTC with milliseconds; null: the time of receipt */
  readonly occurredAt: string | null;
  /** The default policy for this kind, before path and registrations are looked at. */
  readonly triggers: boolean;
  /** Why `triggers` is false */
  readonly ignoredBecause?: string;
  readonly text?: string;
  readonly payload?: Json;
  /** What these words have no place for, as it was sent: a command's options, a form's values, a picture's id and caption, a place */
  readonly content?: Json;
  /** Types of the attachments, in order */
  readonly attachments?: readonly { readonly type: string; readonly url?: string }[];
  readonly emoji?: string;
  /** The provider's id of the message that this is, or is about */
  readonly messageId?: string;
  /** What we gave along with a message of ours for its provider to repeat */
  readonly reference?: string;
  /** The id of the message replied to */
  readonly replyTo?: string;
  readonly ref?: string;
  /** What the provider calls the reason why something of ours failed */
  readonly errorCode?: string | number;
  /** The item belongs to another account of the same app */
  readonly foreignAccount?: boolean;
  /** What its provider takes an answer to this by, for some minutes: a secret, which is sealed before anything is kept. */
  readonly replyToken?: string;
  /** The item as the provider sent it */
  readonly raw: Json;
}

/** A call of ours that looks like the provider's, and is signed like one. */
export interface SampleCall {
  readonly headers: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Only its owner can sign: the channel has a public key. Then the signature is wrong, and this says who sends a right one. */
  readonly unsigned?: string;
}

export interface SampleTerms {
  /** A UUIDv7. Goes into the event's dedupe key: of another id it is another event, and of the same one the same, at whatever time it is made. */
  readonly id: string;
  readonly at: Date;
  /** Path and query that it is sent to, for those who sign the address */
  readonly url: string;
}

/** A provider in one object; pure: no clock, network or framework. */
export interface ProviderAdapter {
  readonly name: string;
  /** The families that `:actionType` may name, besides `all`. */
  readonly actionTypes: readonly string[];
  readonly bodyBytesMax: number;
  /** Members of a body, at any depth, that hold secrets: of what is kept as it came they are left out. Letters, digits and `_` */
  readonly secretMembers?: readonly string[];
  /** Answers a `GET`, where the provider asks by one before it sends. */
  handshake?(request: ProviderRequest, channel: Channel): HandshakeAnswer;
  verify(request: ProviderRequest, channel: Channel): Verification;
  /** Reads the body of a verified request where it is not JSON. */
  parse?(request: ProviderRequest): ParsedBody;
  /** Never throws: what it does not know becomes an `unknown` event. */
  normalise(body: Json, channel: Channel, request: ProviderRequest): readonly CanonicalEvent[];
  /** What a recorded call is answered with, where its provider expects other words than ours. */
  answer?(body: Json): ProviderAnswer | undefined;
  /** All that is wrong with a channel, by the names of the API's body; only what is certainly wrong. */
  check?(draft: ChannelDraft): readonly InputError[];
  /** What its API is asked about a channel itself, where it has one. */
  readonly api?: ProviderApi;
  /** A call that makes an event which triggers, for whoever asks whether calls arrive. Undefined: the channel has nothing to sign it with. */
  sample(channel: Channel, terms: SampleTerms): SampleCall | undefined;
}
