import type { JoinRule, NodePolicy } from '@sluice/engine';
import type { Json, JsonObject } from '@sluice/kernel';

/** JSON Schema (draft 2020-12) of a node's config: validated at publish, a form in the console, docs for people. */
export type ConfigSchema = JsonObject;

/** How a node's run ended, short of failing. */
export type NodeOutcome =
  | { readonly kind: 'done'; readonly handle: string; readonly output: Json }
  | { readonly kind: 'wait'; readonly until: Date }
  | { readonly kind: 'stop'; readonly status: 'completed' | 'failed'; readonly output?: Json };

export interface NodeInput {
  /** The config with every template and expression evaluated. */
  readonly config: JsonObject;
  readonly input: Json;
  readonly trigger: Json;
  readonly now: Date;
}

/** A call to the outside. The guard against private addresses, sizes and redirects sits behind it. */
export interface OutboundRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
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

/** What an effect node may use. Every call carries `idempotencyKey`, the same on every attempt (Promise 4). */
export interface EffectTools {
  readonly idempotencyKey: string;
  readonly signal: AbortSignal;
  send(request: OutboundRequest): Promise<OutboundResponse>;
  /** Secrets are decrypted here, at the moment of use. Throws NodeFailure for a channel that cannot send. */
  channel(
    channelId: string,
  ): Promise<{ readonly provider: string; readonly externalAccountId: string | null; readonly accessToken: string }>;
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
  /** `all` without it */
  join?(config: JsonObject): JoinRule;
  readonly policy?: NodePolicy;
}

/** Begins runs; its output is the run's input. */
export interface TriggerNodeType extends NodeTypeBase {
  readonly kind: 'trigger';
}

/** Runs in process, at once, without effects; may be fused with its neighbours. */
export interface PureNodeType extends NodeTypeBase {
  readonly kind: 'pure';
  run(input: NodeInput): NodeOutcome;
}

/** Calls the outside: recorded in the effects ledger before and after. */
export interface EffectNodeType extends NodeTypeBase {
  readonly kind: 'effect';
  /** What happens after an unknown outcome, unless the node's policy says otherwise. */
  readonly effect: NonNullable<NodePolicy['effect']>;
  run(input: NodeInput, tools: EffectTools): Promise<NodeOutcome>;
}

export type NodeType = TriggerNodeType | PureNodeType | EffectNodeType;

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
