import type { Json } from './json.js';

/** What a decision returns: a fact about one aggregate. `append` adds the rest. */
export interface DomainEvent<Type extends string = string, Payload = unknown> {
  readonly type: Type;
  readonly aggregateId: string;
  readonly payload: Payload;
}

/** What `append` adds to a decided event: everything a decision need not know. */
export interface EventEnvelope {
  /** UUIDv7 */
  readonly id: string;
  readonly tenantId: string;
  /** ISO 8601, UTC, milliseconds */
  readonly timestamp: string;
  /** 1, 2, 3 … within the aggregate, without a hole */
  readonly aggregateVersion: number;
  readonly correlationId: string;
  readonly causationId: string | null;
  readonly schemaVersion: number;
}

/** An event as it stands in the log. Distributes over a union of events, so `type` still narrows `payload`. */
export type Recorded<E extends DomainEvent> = E extends DomainEvent ? E & EventEnvelope : never;

/** Events about no tenant in particular (platform keys) belong to this one. */
export const PLATFORM_TENANT_ID = '00000000-0000-0000-0000-000000000000';

export type EventPayload = { readonly [key: string]: Json | undefined };
