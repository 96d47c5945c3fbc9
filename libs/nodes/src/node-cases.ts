import type { Json, JsonObject } from '@sluice/kernel';

/**
 * One example of what a node type does: documentation that is run. It happens at 12:00 UTC on 1 June 2026 (`CASE_TIME`); effects send with
 * the key `key-1`, and every channel's token is `token-1`.
 */
export interface NodeCase {
  /** A sentence that reads like documentation: "Goes on by `true` when the condition holds." */
  readonly says: string;
  /** As an author writes it, with templates */
  readonly config: JsonObject;
  readonly input?: Json;
  readonly trigger?: Json;
  /** What the target answers to each request in turn (effects) */
  readonly answers?: readonly { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: Json }[];
  /** The requests that must be sent; headers may name some only */
  readonly sends?: readonly {
    readonly method: string;
    readonly url: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: Json;
  }[];
  /** What `state.*` finds, by `scope/key` */
  readonly state?: Readonly<Record<string, { readonly value: Json; readonly version: number }>>;
  /** What is kept afterwards, all of it, by `scope/key` */
  readonly leaves?: Readonly<Record<string, { readonly value: Json; readonly version: number }>>;
  /** How the webhook call is answered (`flow.respond`); headers may name some only */
  readonly responds?: { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string };
  /** Provider of the channel that the node asks for; without it, the one that the type is named after */
  readonly provider?: string;
  /** Settings of that channel */
  readonly channelConfig?: JsonObject;
  /** When the customer last wrote to that channel; without it: an hour before `CASE_TIME`. null: never */
  readonly lastMessageAt?: string | null;
  /** Events that come while the node waits, and whether its `condition` lets them through */
  readonly events?: readonly { readonly event: Json; readonly fits: boolean }[];
  /**
   * The outcome (members that matter; times as ISO 8601 in UTC), the code with which it fails, or the code with which publishing refuses
   * the config
   */
  readonly gives: JsonObject | { readonly fails: string } | { readonly refused: string };
}
