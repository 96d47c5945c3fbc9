import type { Json, JsonObject } from '@sluice/kernel';

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
  /** The outcome (members that matter), or the code with which it fails */
  readonly gives: Json | { readonly fails: string };
}
