import { DomainError, type DomainEvent, isJsonObject, isUuid } from '@sluice/kernel';

/** Which events: of one channel, received from `dateFrom` on and before `dateTo` (ISO 8601). Those that start nothing are never among them. */
export interface ReplayFilter {
  readonly channelId: string;
  /** This one alone */
  readonly eventId?: string;
  readonly kinds?: readonly string[];
  readonly action?: string;
  readonly status?: 'processed' | 'failed';
  readonly customerId?: string;
  readonly dateFrom: string;
  readonly dateTo: string;
}

export interface ReplayRequest {
  readonly name: string;
  readonly filter: ReplayFilter;
  /** The version that each event ran on then, or the one that is published as it is replayed */
  readonly version: 'same' | 'newest';
  /** Without: whoever listens */
  readonly workflowIds?: readonly string[];
  /** Events, not runs */
  readonly ratePerSecond: number;
  readonly reason: string;
}

export type ReplayStarted = DomainEvent<'replay.started', ReplayRequest & { readonly total: number; readonly by: string }>;
/** `done`: events that were handed to their workflows so far */
export type ReplayProgressed = DomainEvent<'replay.progressed', { readonly done: number }>;
export type ReplayCompleted = DomainEvent<'replay.completed', { readonly done: number }>;
export type ReplayPaused = DomainEvent<'replay.paused', { readonly by: string }>;
export type ReplayResumed = DomainEvent<'replay.resumed', { readonly by: string }>;
export type ReplayCancelled = DomainEvent<'replay.cancelled', { readonly by: string }>;
export type ReplayEvent = ReplayStarted | ReplayProgressed | ReplayCompleted | ReplayPaused | ReplayResumed | ReplayCancelled;

/** Events that start their workflows again, at a rate. running ⇄ paused, until it is completed or cancelled. */
export interface Replay {
  readonly id: string;
  readonly status: 'running' | 'paused' | 'completed' | 'cancelled';
  readonly done: number;
  readonly streamVersion: number;
}

export class ReplayNotFound extends DomainError {
  constructor(id: string) {
    super('not_found', 'replay_not_found', `There is no replay ${id}.`);
  }
}

export class ReplayIsOver extends DomainError {
  constructor({ id, status }: Replay) {
    super('conflict', 'replay_is_over', `The replay ${id} is ${status}. Start another one.`);
  }
}

/** A replay before its first event. */
export const unstartedReplay = (id: string): Replay => ({ id, status: 'running', done: 0, streamVersion: 0 });

export const startReplay = ({ id }: Replay, request: ReplayRequest, total: number, by: string): ReplayStarted[] => [
  { type: 'replay.started', aggregateId: id, payload: { ...request, total, by } },
];

/** So many more events were handed on. drained: there are no more. */
export function advance({ id, done }: Replay, events: number, drained: boolean): (ReplayProgressed | ReplayCompleted)[] {
  const now = done + events;
  if (drained) return [{ type: 'replay.completed', aggregateId: id, payload: { done: now } }];
  return events === 0 ? [] : [{ type: 'replay.progressed', aggregateId: id, payload: { done: now } }];
}

/** Pausing what is paused decides nothing, nor does resuming what runs. */
export function pause(replay: Replay, by: string): ReplayPaused[] {
  refuseOver(replay);
  return replay.status === 'paused' ? [] : [{ type: 'replay.paused', aggregateId: replay.id, payload: { by } }];
}

export function resume(replay: Replay, by: string): ReplayResumed[] {
  refuseOver(replay);
  return replay.status === 'running' ? [] : [{ type: 'replay.resumed', aggregateId: replay.id, payload: { by } }];
}

/** What was handed on runs all the same. */
export function cancel(replay: Replay, by: string): ReplayCancelled[] {
  if (replay.status === 'cancelled') return [];
  refuseOver(replay);
  return [{ type: 'replay.cancelled', aggregateId: replay.id, payload: { by } }];
}

function refuseOver(replay: Replay): void {
  if (replay.status === 'completed' || replay.status === 'cancelled') throw new ReplayIsOver(replay);
}

export function evolveReplay(replay: Replay, event: ReplayEvent): Replay {
  const streamVersion = replay.streamVersion + 1;
  switch (event.type) {
    case 'replay.started':
      return { ...replay, status: 'running', done: 0, streamVersion };
    case 'replay.progressed':
      return { ...replay, done: event.payload.done, streamVersion };
    case 'replay.completed':
      return { ...replay, status: 'completed', done: event.payload.done, streamVersion };
    case 'replay.paused':
      return { ...replay, status: 'paused', streamVersion };
    case 'replay.resumed':
      return { ...replay, status: 'running', streamVersion };
    case 'replay.cancelled':
      return { ...replay, status: 'cancelled', streamVersion };
  }
}

/** What one transaction hands on at most */
const batchMax = 200;
/** Whoever comes late makes up for so long and no more: what stood still does not come in a flood. */
const lateMsMax = 1_000;

/** How many events may go now that the first of them has been due for `lateMs`, and in how many ms the next one may. */
export function replayBatch(ratePerSecond: number, lateMs: number): { readonly events: number; readonly nextInMs: number } {
  const late = Math.min(Math.max(lateMs, 0), lateMsMax);
  const events = Math.min(Math.floor((late * ratePerSecond) / 1_000) + 1, batchMax);
  return { events, nextInMs: (events * 1_000) / ratePerSecond - late };
}

/** What a start task says whose event is replayed. */
export interface ReplayOrder extends Pick<ReplayRequest, 'version' | 'workflowIds'> {
  readonly replayId: string;
}

/** Otherwise its event was received. Tasks are written by ourselves alone: what is checked is that the two can be told apart. */
export const isReplayOrder = (payload: unknown): payload is ReplayOrder => isJsonObject(payload) && isUuid(payload['replayId']);
