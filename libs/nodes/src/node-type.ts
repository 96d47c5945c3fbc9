import type { JoinRule, LoopRule, NodePolicy } from '@sluice/engine';
import type { Json, JsonObject } from '@sluice/kernel';
import type { ConfigError } from './config-schema.js';

/** JSON Schema (draft 2020-12) of a node's config: validated at publish, a form in the console, docs for people. */
export type ConfigSchema = JsonObject;

/** How a node's run ended, short of failing. */
export type NodeOutcome =
  | { readonly kind: 'done'; readonly handle: string; readonly output: Json }
  /** Goes on by itself at that time, by `out`, with its input. */
  | { readonly kind: 'wait'; readonly until: Date }
  | { readonly kind: 'stop'; readonly status: 'completed' | 'failed'; readonly output?: Json }
  /** What lies behind its handle `item` runs once for each item; then it is left by `done` with the list of their results. */
  | { readonly kind: 'loop'; readonly items: readonly Json[] }
  /** Left by `out` with the first event that fits, or by `timeout` with its input. */
  | {
      readonly kind: 'awaitEvent';
      readonly channelId: string;
      readonly customerId: string;
      /** Kinds of events; none: any */
      readonly kinds: readonly string[];
      /** The event that fits starts no new run of this workflow. */
      readonly exclusive: boolean;
      readonly until?: Date;
    }
  /** Left by `approved` or `rejected` with `{decision, comment, by, decidedAt}`, or by `timeout` with its input. */
  | { readonly kind: 'awaitApproval'; readonly title: string; readonly message?: string; readonly until?: Date }
  /** Left by `out` with the output of a run of another workflow; without `version`: of its newest one. */
  | { readonly kind: 'call'; readonly workflowId: string; readonly version?: number; readonly input: Json };

/** What an expression sees beside the scope of its node, where the field's description says so. */
export interface Locals {
  readonly item?: Json;
  readonly index?: number;
  readonly event?: Json;
}

export interface NodeInput {
  /** The config with every template and expression evaluated, but for fields that are `deferred`: they are as the author wrote them. */
  readonly config: JsonObject;
  readonly input: Json;
  readonly trigger: Json;
  readonly now: Date;
  /** Evaluates a top-level `deferred` field of the config. A promise for what cannot be evaluated in process. */
  evaluate(field: string, locals: Locals): Json | undefined | Promise<Json | undefined>;
}

/** A call to the outside. The guard against private addresses, sizes and redirects sits behind it. */
export interface OutboundRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** Of the answer's body, decoded; at most 8 MiB. Default 1 MiB */
  readonly maxResponseBytes?: number;
}

export interface OutboundResponse {
  readonly status: number;
  /** Lower-case names */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** A secret for calls, and where it may be sent: `host` by https, `host:port` otherwise. */
export interface HttpCredential {
  readonly secret:
    | { readonly type: 'bearer'; readonly token: string }
    | { readonly type: 'basic'; readonly username: string; readonly password: string }
    | { readonly type: 'header'; readonly headerName: string; readonly value: string };
  readonly allowedHosts: readonly string[];
}

/** Where a value of `state.get` and `state.set` is kept: for the whole tenant, one workflow, or one customer of a channel. */
export interface StateAddress {
  readonly scope: 'tenant' | 'workflow' | 'customer';
  readonly key: string;
}

/** `version` counts the writes, from 1. */
export interface StoredState {
  readonly value: Json;
  readonly version: number;
}

export interface StateChange {
  /** Absent: the value is deleted. */
  readonly value?: Json;
  /** Milliseconds until it is forgotten */
  readonly ttlMs?: number;
  /** Written only if this is the present version; 0: only if there is none. */
  readonly ifVersion?: number;
}

/** What a `task` node may use. */
export interface TaskTools {
  readonly signal: AbortSignal;
  /** Runs JavaScript in a sandbox that sees nothing but `values`. Throws NodeFailure for what the code did wrong. */
  runCode(source: string, values: JsonObject, limits: { readonly timeoutMs: number; readonly memoryMb: number }): Promise<Json>;
  readState(address: StateAddress): Promise<StoredState | undefined>;
  /** Answers the webhook call that started the run, if it still waits; the first answer counts. `false`: nobody waits (any more). */
  respond(answer: { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: string }): Promise<boolean>;
}

/** A channel that a node sends by, opened at the moment of use. */
export interface SendingChannel {
  readonly id: string;
  readonly provider: string;
  readonly externalAccountId: string | null;
  readonly config: JsonObject;
  readonly accessToken: string;
}

/** So many calls within so many milliseconds, evenly. */
export interface SendBudget {
  /** Of the channel's account: `account`, or `to/<customer>` where a provider counts each customer by itself */
  readonly key: string;
  readonly calls: number;
  readonly perMs: number;
}

/** What the provider has told us of a message after it was sent: an echo, or a receipt. */
export interface OutgoingEvent {
  readonly kind: string;
  readonly text?: string;
  /** The provider's id of the message */
  readonly messageId?: string;
  /** What we gave along with the message for its provider to repeat */
  readonly reference?: string;
}

/** What an effect node may use. Every call carries `idempotencyKey`, the same on every attempt (Promise 4). */
export interface EffectTools {
  readonly idempotencyKey: string;
  readonly signal: AbortSignal;
  /** Written in the same transaction as the effect's result, so once. `written: false`: another version than `ifVersion` is there. */
  writeState(address: StateAddress, change: StateChange): Promise<{ readonly written: boolean; readonly now: StoredState | undefined }>;
  send(request: OutboundRequest): Promise<OutboundResponse>;
  /** Secrets are decrypted here, at the moment of use. Throws NodeFailure for a channel that cannot send. */
  channel(channelId: string): Promise<SendingChannel>;
  /**
   * Takes a call from each budget of the channel's account, for all workers together. Where one of them is used up nothing is sent: the
   * task comes back when there is room again, and no attempt is spent.
   */
  pace(channel: SendingChannel, budgets: readonly SendBudget[]): Promise<void>;
  /**
   * What the provider takes an answer to this event by, as long as it still opens; undefined: it came without, or does not. For how long it is good
   * the node must know. A secret, as a channel's token is.
   */
  replyToken(event: Json): string | undefined;
  /** When the customer last wrote to the channel, as far as its events are kept; undefined: they never did. */
  lastMessageAt(channelId: string, customerId: string): Promise<Date | undefined>;
  /** Decrypted here, at the moment of use. Throws NodeFailure for one that the tenant does not have. */
  credential(credentialId: string): Promise<HttpCredential>;
  /** Base URL of a provider's API, without a trailing slash; the operator may point it at a stub. */
  providerApi(provider: string): string;
}

interface NodeTypeBase {
  /** `trigger.webhook`, `logic.if`, … */
  readonly type: string;
  readonly title: string;
  readonly description: string;
  readonly configSchema: ConfigSchema;
  /** The handles by which a node with this (unevaluated) config can be left, without `error`. */
  handles(config: JsonObject): readonly string[];
  /** What is wrong with an (unevaluated) config beyond its schema, whatever a run brings. Asked only where the schema finds nothing. */
  problems?(config: JsonObject): Iterable<ConfigError>;
  /** `all` without it */
  join?(config: JsonObject): JoinRule;
  /** It is a loop: its handle `item` leads into the body, `done` out of it. */
  loop?(config: JsonObject): LoopRule;
  readonly policy?: NodePolicy;
}

/** Begins runs; its output is the run's input. */
export interface TriggerNodeType extends NodeTypeBase {
  readonly kind: 'trigger';
}

/** Runs in process, at once, without effects; may be fused with its neighbours. */
export interface PureNodeType extends NodeTypeBase {
  readonly kind: 'pure';
  run(input: NodeInput): NodeOutcome | Promise<NodeOutcome>;
}

/** Runs in a task of its own, under a lease: it may take long, or stop its process. What it does may be done twice; the ledger is not asked. */
export interface TaskNodeType extends NodeTypeBase {
  readonly kind: 'task';
  run(input: NodeInput, tools: TaskTools): Promise<NodeOutcome>;
}

/** Calls the outside: recorded in the effects ledger before and after. */
export interface EffectNodeType extends NodeTypeBase {
  readonly kind: 'effect';
  /** What happens after an unknown outcome, unless the node's policy says otherwise. */
  readonly effect: NonNullable<NodePolicy['effect']>;
  run(input: NodeInput, tools: EffectTools): Promise<NodeOutcome>;
  /**
   * Asked before another attempt of a node whose policy is `verify` when nobody knows whether the last one arrived: its output if one of
   * these proves that it did. `events`: of the channel and customer that `addressee` names, outgoing ones since that attempt began.
   */
  readonly proof?: {
    addressee(input: NodeInput): { readonly channelId: string; readonly customerId: string };
    find(input: NodeInput, idempotencyKey: string, events: readonly OutgoingEvent[]): Json | undefined;
  };
}

export type NodeType = TriggerNodeType | PureNodeType | TaskNodeType | EffectNodeType;

/** A node's run that failed. The shell asks only these questions of it. */
export class NodeFailure extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly options: {
      readonly retryable: boolean;
      readonly retryAfterMs?: number;
      /** The request may have reached the target: `at_most_once` must not send it again. */
      readonly outcomeUnknown?: boolean;
      readonly details?: Json;
    },
  ) {
    super(message);
    this.name = 'NodeFailure';
  }
}
