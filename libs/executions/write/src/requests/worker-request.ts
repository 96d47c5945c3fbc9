import type { Graph, Iteration } from '@sluice/engine';
import { isJsonObject, type Json, type JsonObject } from '@sluice/kernel';

/** What a task of kind `request` says; the request itself stands in `worker_requests`. */
export interface RequestPayload {
  readonly requestId: string;
  readonly kind: 'test' | 'backtest';
}

/** A draft as it stood when the request was made. */
export interface RequestedDraft {
  readonly graph: Graph;
  readonly settings: JsonObject;
  readonly revision: number;
  /** The newest published version; 0: none */
  readonly version: number;
}

export interface TestRequest {
  readonly draft: RequestedDraft;
  readonly nodeId: string;
  readonly input: Json;
  readonly trigger: Json;
  /** Of the past event that it is tested with */
  readonly event?: { readonly channelId: string; readonly customerId: string | null; readonly provider: string; readonly action: string };
  /** Outputs of other nodes, by id */
  readonly mocks: JsonObject;
  readonly effects: boolean;
  /** Tested as in a loop */
  readonly loop?: { readonly iteration: Iteration; readonly item: Json };
  readonly by: string;
  readonly correlationId: string;
}

export interface BacktestRequest {
  readonly draft: RequestedDraft;
  /** Newest first */
  readonly executionIds: readonly string[];
  readonly correlationId: string;
}

/** How far a backtest is: written with the events that say the same. */
export interface BacktestProgress {
  readonly done: number;
  readonly different: number;
  readonly parts: number;
}

/** The caller has waited no longer than this. */
export const testWaitMs = 15_000;

/** Tasks are written by ourselves alone: what is checked is that one of another release can be told apart. */
export const isRequestPayload = (payload: unknown): payload is RequestPayload =>
  isJsonObject(payload) && typeof payload['requestId'] === 'string' && (payload['kind'] === 'test' || payload['kind'] === 'backtest');
