import { type DomainEvent, isJsonObject, type Json } from '@sluice/kernel';

// What is known of a source, a channel or a provider app, by what came to it. Calls that are refused are anybody's: they are counted and
// never kept. Times are ISO 8601.

/** What one gateway counted within some seconds. */
export interface Counted {
  /** Calls that were recorded, whatever they said */
  readonly acceptedCalls: number;
  readonly firstAcceptedAt: string | null;
  readonly lastAcceptedAt: string | null;
  readonly events: EventCounts;
  /** Calls by the reason why they were refused */
  readonly rejected: Readonly<Record<string, number>>;
  readonly lastRejectedAt: string | null;
  readonly lastRejection: string | null;
}

export interface EventCounts {
  readonly accepted: number;
  readonly ignored: number;
  readonly duplicate: number;
  /** Of the duplicates, those that say something else than what was kept */
  readonly conflicting: number;
}

export interface Figures extends Omit<Counted, 'firstAcceptedAt'> {
  /** Between accepted calls: how many gaps were seen, an average in which the last 50 count most, and the longest, which fades */
  readonly gaps: number;
  readonly usualGapMs: number;
  readonly longestGapMs: number;
  /** Ten minutes in which refused signatures are counted */
  readonly window: { readonly from: string; readonly calls: number; readonly failures: number } | null;
  readonly silentSince: string | null;
  readonly failingSince: string | null;
  /** Not all of it is told yet */
  readonly changed: boolean;
  readonly toldAt: string | null;
}

export interface Source {
  /** Whose events tell of it */
  readonly id: string;
  /** Of the channel or provider app */
  readonly sourceId: string;
  readonly figures: Figures;
  readonly streamVersion: number;
}

export type SourceFigures = DomainEvent<
  'webhook.source.figures',
  Pick<Figures, 'acceptedCalls' | 'events' | 'rejected' | 'lastAcceptedAt' | 'lastRejectedAt' | 'lastRejection'> & {
    readonly sourceId: string;
    /** null: not known yet */
    readonly usualGapMs: number | null;
  }
>;
export type SourceSilent = DomainEvent<
  'webhook.source.silent',
  { readonly sourceId: string; readonly lastAcceptedAt: string; readonly usualGapMs: number; readonly silentAfterMs: number }
>;
export type SourceSignatureFailures = DomainEvent<
  'webhook.source.signature_failures',
  { readonly sourceId: string; readonly failures: number; readonly calls: number; readonly since: string }
>;
export type SourceRecovered = DomainEvent<
  'webhook.source.recovered',
  { readonly sourceId: string; readonly from: 'silent' | 'signature_failures'; readonly since: string }
>;
/** The same dedupe key came again with other words: what came first is kept. */
export type SourceConflicted = DomainEvent<
  'webhook.source.conflicted',
  {
    readonly sourceId: string;
    /** What was kept */
    readonly eventId: string;
    readonly dedupeKey: string;
    /** The call that brought the other one; its bytes are kept */
    readonly deliveryId: string;
    /** Fields of the event */
    readonly differs: readonly string[];
  }
>;
export type SourceEvent = SourceFigures | SourceSilent | SourceSignatureFailures | SourceRecovered | SourceConflicted;

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** Figures are told at most so often. */
const tellEveryMs = minuteMs;
/** So many gaps make a source one that is usually heard of. */
const gapsKnown = 20;
const silentMsMin = hourMs;
/** A longer gap is an outage, whatever it was: nobody gets used to it. */
const longestGapMsMax = 3 * dayMs;
const windowMs = 10 * minuteMs;
const failuresMin = 10;

export const noFigures: Figures = {
  acceptedCalls: 0,
  lastAcceptedAt: null,
  events: { accepted: 0, ignored: 0, duplicate: 0, conflicting: 0 },
  rejected: {},
  lastRejectedAt: null,
  lastRejection: null,
  gaps: 0,
  usualGapMs: 0,
  longestGapMs: 0,
  window: null,
  silentSince: null,
  failingSince: null,
  changed: false,
  toldAt: null,
};

/** Signatures, tokens and their times: what tells that somebody has the wrong secret, or none. */
const isSignatureFailure = (reason: string): boolean => /^(signature|secret|token|timestamp|id)_/.test(reason);

export interface Looked {
  readonly source: Source;
  readonly events: readonly SourceEvent[];
}

/** More came: is that news? */
export function absorb(source: Source, counted: Counted, now: Date): Looked {
  const rejectedCalls = sum(Object.values(counted.rejected));
  const failures = sum(Object.entries(counted.rejected).map(([reason, calls]) => (isSignatureFailure(reason) ? calls : 0)));
  const { source: turned, events } = turnWindow(source, now);
  const { figures } = turned;
  const { silentSince } = figures;
  const { calls = 0, failures: before = 0, from = now.toISOString() } = figures.window ?? {};
  const added: Figures = {
    ...figures,
    ...withGaps(figures, counted),
    acceptedCalls: figures.acceptedCalls + counted.acceptedCalls,
    lastAcceptedAt: later(figures.lastAcceptedAt, counted.lastAcceptedAt),
    events: addedEvents(figures.events, counted.events),
    rejected: addedCounts(figures.rejected, counted.rejected),
    lastRejectedAt: later(figures.lastRejectedAt, counted.lastRejectedAt),
    lastRejection: counted.lastRejection ?? figures.lastRejection,
    window: { from, calls: calls + counted.acceptedCalls + rejectedCalls, failures: before + failures },
    silentSince: counted.acceptedCalls > 0 ? null : silentSince,
    changed: true,
  };
  const news: SourceEvent[] = [...events];
  if (silentSince !== null && added.silentSince === null) news.push(recovered(source, 'silent', silentSince));
  const jumps = added.failingSince === null && isJump(added.window);
  if (jumps && added.window !== null) {
    const { from: since, ...window } = added.window;
    news.push({
      type: 'webhook.source.signature_failures',
      aggregateId: source.id,
      payload: { sourceId: source.sourceId, ...window, since },
    });
  }
  const next = { ...turned, figures: jumps ? { ...added, failingSince: now.toISOString() } : added };
  const looked = look(told(next, news.length - events.length), now);
  return { source: looked.source, events: [...news, ...looked.events] };
}

/** Time passed: has it gone silent, has it recovered, are there figures to tell? */
export function look(source: Source, now: Date): Looked {
  const turned = turnWindow(source, now);
  const { figures } = turned.source;
  const news: SourceEvent[] = [];
  let next = figures;
  const silentAt = silentAtOf(figures);
  if (silentAt !== undefined && now.getTime() >= silentAt && figures.lastAcceptedAt !== null) {
    const { lastAcceptedAt, usualGapMs } = figures;
    const payload = {
      sourceId: source.sourceId,
      lastAcceptedAt,
      usualGapMs: Math.round(usualGapMs),
      silentAfterMs: silentAfterMs(figures),
    };
    news.push({ type: 'webhook.source.silent', aggregateId: source.id, payload });
    next = { ...next, silentSince: now.toISOString() };
  }
  if (figures.changed && now.getTime() >= tellAtOf(figures)) {
    const { acceptedCalls, events, rejected, lastAcceptedAt, lastRejectedAt, lastRejection, gaps, usualGapMs } = figures;
    const said = { acceptedCalls, events, rejected, lastAcceptedAt, lastRejectedAt, lastRejection };
    const payload = { sourceId: source.sourceId, ...said, usualGapMs: gaps < gapsKnown ? null : Math.round(usualGapMs) };
    news.push({ type: 'webhook.source.figures', aggregateId: source.id, payload });
    next = { ...next, changed: false, toldAt: now.toISOString() };
  }
  return { source: told({ ...turned.source, figures: next }, news.length), events: [...turned.events, ...news] };
}

/** When there is something to say of it, unless more comes; undefined: never. */
export function lookAt({ figures }: Source): Date | undefined {
  const { changed, failingSince, window } = figures;
  const times = [
    silentAtOf(figures),
    changed ? tellAtOf(figures) : undefined,
    failingSince === null ? undefined : Date.parse(window?.from ?? failingSince) + windowMs,
  ].filter((time) => time !== undefined);
  return times.length === 0 ? undefined : new Date(Math.min(...times));
}

/** The fields of an event in which what came later differs from what was kept; not those that are of the receipt itself. */
export function differences(kept: Json, other: Json): string[] {
  if (!isJsonObject(kept) || !isJsonObject(other)) return [];
  const names = new Set([...Object.keys(kept), ...Object.keys(other)].filter((name) => !ofTheReceipt.has(name)));
  return [...names].filter((name) => sorted(kept[name]) !== sorted(other[name])).toSorted();
}

const ofTheReceipt: ReadonlySet<string> = new Set([
  'id',
  'channelId',
  'receivedAt',
  'occurredAt',
  'triggers',
  'test',
  // Sealed anew each time
  'replyToken',
]);

/** The same for the same value, in whatever order its members stand. */
const sorted = (value: Json | undefined): string =>
  JSON.stringify(value, (_, part: Json) =>
    isJsonObject(part) ? Object.fromEntries(Object.entries(part).toSorted(([one], [other]) => (one < other ? -1 : 1))) : part,
  ) ?? '';

/** A window that is over ends failing, unless it failed itself. While it fails there is always one. */
function turnWindow(source: Source, now: Date): Looked {
  const { window, failingSince } = source.figures;
  if (window === null || now.getTime() - Date.parse(window.from) < windowMs) return { source, events: [] };
  const recovers = failingSince !== null && !isJump(window);
  const fresh = failingSince === null || recovers ? null : { from: now.toISOString(), calls: 0, failures: 0 };
  const figures = { ...source.figures, window: fresh, failingSince: recovers ? null : failingSince };
  const events = recovers ? [recovered(source, 'signature_failures', failingSince)] : [];
  return { source: told({ ...source, figures }, events.length), events };
}

/** At least ten, and a fifth of all calls: a single one is a mistake, few among many are somebody's attempts. */
const isJump = (window: Figures['window']): boolean =>
  window !== null && window.failures >= failuresMin && window.failures * 5 >= window.calls;

const silentAfterMs = ({ usualGapMs, longestGapMs }: Figures): number =>
  Math.round(Math.max(silentMsMin, 10 * usualGapMs, 1.5 * longestGapMs));

/** undefined: it is not known well enough, or it is told already. */
const silentAtOf = (figures: Figures): number | undefined =>
  figures.gaps < gapsKnown || figures.silentSince !== null || figures.lastAcceptedAt === null
    ? undefined
    : Date.parse(figures.lastAcceptedAt) + silentAfterMs(figures);

const tellAtOf = ({ toldAt }: Figures): number => (toldAt === null ? 0 : Date.parse(toldAt) + tellEveryMs);

/** A night is a gap like any other: after the first one the next is not silence. It fades to half within a week. */
function withGaps(figures: Figures, { acceptedCalls, firstAcceptedAt, lastAcceptedAt }: Counted) {
  const { gaps, usualGapMs, longestGapMs } = figures;
  const since = figures.lastAcceptedAt ?? firstAcceptedAt;
  const more = figures.lastAcceptedAt === null ? acceptedCalls - 1 : acceptedCalls;
  if (more <= 0 || since === null || firstAcceptedAt === null || lastAcceptedAt === null) return { gaps, usualGapMs, longestGapMs };
  const spanMs = Math.max(0, Date.parse(lastAcceptedAt) - Date.parse(since));
  const first = Math.min(Math.max(0, Date.parse(firstAcceptedAt) - Date.parse(since)), longestGapMsMax);
  const meanMs = spanMs / more;
  const weight = gaps === 0 ? 1 : 1 - 0.98 ** more;
  return {
    gaps: gaps + more,
    usualGapMs: usualGapMs + weight * (meanMs - usualGapMs),
    longestGapMs: Math.max(first, longestGapMs * 0.5 ** (spanMs / (7 * dayMs))),
  };
}

const recovered = ({ id, sourceId }: Source, from: 'silent' | 'signature_failures', since: string): SourceRecovered => ({
  type: 'webhook.source.recovered',
  aggregateId: id,
  payload: { sourceId, from, since },
});

const told = (source: Source, events: number): Source => ({ ...source, streamVersion: source.streamVersion + events });
const sum = (counts: readonly number[]): number => counts.reduce((all, count) => all + count, 0);
const later = (one: string | null, other: string | null): string | null => (one === null || (other !== null && other > one) ? other : one);
const addedCounts = (to: Readonly<Record<string, number>>, more: Readonly<Record<string, number>>): Record<string, number> => {
  const all: Record<string, number> = { ...to };
  for (const [name, count] of Object.entries(more)) all[name] = (all[name] ?? 0) + count;
  return all;
};
const addedEvents = (to: EventCounts, more: EventCounts): EventCounts => ({
  accepted: to.accepted + more.accepted,
  ignored: to.ignored + more.ignored,
  duplicate: to.duplicate + more.duplicate,
  conflicting: to.conflicting + more.conflicting,
});
