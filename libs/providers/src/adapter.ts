import type { Json, JsonObject } from '@sluice/kernel';

/** One HTTP call of a provider, as received. */
export interface ProviderRequest {
  readonly method: string;
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

export interface ChannelIdentity {
  readonly externalAccountId: string | null;
  readonly config: JsonObject;
}

/** Why a call was refused: for logs and metrics, never for the answer's body. */
export type RejectionReason =
  | 'signature_missing'
  | 'signature_malformed'
  | 'signature_mismatch'
  | 'signature_repeated'
  | 'secret_missing'
  | 'verify_mode_missing'
  | 'verify_token_mismatch'
  | 'verify_challenge_missing'
  | 'verify_parameter_repeated'
  | 'handshake_unsupported'
  | 'malformed_json';

export type Verification = { readonly ok: true } | { readonly ok: false; readonly reason: RejectionReason };

/** The answer to a handshake (`GET`), or why it is refused. */
export type HandshakeAnswer =
  | { readonly ok: true; readonly status: 200; readonly contentType: string; readonly body: string }
  | { readonly ok: false; readonly reason: RejectionReason };

/** One canonical event: what a provider reported, in the words that are the same for all of them. */
export interface CanonicalEvent {
  readonly kind: string;
  /** The family that a path's `:actionType` and a registration's `actionTypes` select. */
  readonly action: string;
  /** Unique within (tenant, channel); equal for a redelivery of the same happening, in whatever batch. */
  readonly dedupeKey: string;
  readonly accountId: string | null;
  readonly customerId: string | null;
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
  /** Types of the attachments, in order */
  readonly attachments?: readonly { readonly type: string; readonly url?: string }[];
  readonly emoji?: string;
  /** The id of the message replied to */
  readonly replyTo?: string;
  readonly ref?: string;
  /** The item belongs to another account of the same app */
  readonly foreignAccount?: boolean;
  /** The item as the provider sent it */
  readonly raw: Json;
}

/** A provider in one object; pure: no clock, network or framework. */
export interface ProviderAdapter {
  readonly name: string;
  /** The families that `:actionType` may name, besides `all`. */
  readonly actionTypes: readonly string[];
  readonly bodyBytesMax: number;
  handshake(request: ProviderRequest, secrets: ChannelSecrets): HandshakeAnswer;
  verify(request: ProviderRequest, secrets: ChannelSecrets): Verification;
  /** `body` is parsed JSON of a verified request. Never throws: what it does not know becomes an `unknown` event. */
  normalise(body: Json, channel: ChannelIdentity): readonly CanonicalEvent[];
}
