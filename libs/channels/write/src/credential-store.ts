import type { Channel, Sealed } from '@sluice/channels-domain';
import { DomainError } from '@sluice/kernel';

/** What a pool and a client of a transaction have in common; `name`: the statement is prepared. */
export interface Queryable {
  query(query: { readonly name: string; readonly text: string; readonly values: unknown[] }): Promise<{ rows: unknown[] }>;
}

/** What a command's transaction sees. */
export const queryableOf = (manager: CredentialTransaction['manager']): Queryable => ({
  query: async ({ text, values }) => {
    const rows = await manager.query(text, values);
    return { rows: Array.isArray(rows) ? rows : [] };
  },
});

/** A command's transaction, as far as credentials go. */
export interface CredentialTransaction {
  readonly manager: { query(sql: string, values: unknown[]): Promise<unknown> };
  afterCommit(hint: () => void | Promise<void>): void;
}

/** One version of a channel's credentials. */
export interface Envelope extends Sealed {
  readonly version: number;
}

export type ChannelId = Pick<Channel, 'tenantId' | 'id'>;

/** A channel as the command store has it, with the envelope that counts. */
export interface SealedChannel extends Omit<Channel, 'createdBy' | 'warnedDays' | 'streamVersion'> {
  readonly envelope: Envelope;
}

/** Nothing is known of the credentials, neither that they are there nor that they are not. */
export class CredentialStoreUnavailable extends DomainError {
  constructor() {
    super('unavailable', 'store_unavailable', 'The store of credentials cannot be reached; try again.', { retryAfterSeconds: 5 });
  }
}

/** Nobody's input is wrong: a store was lost, or another one is configured than the one that has them. */
export class CredentialsAreMissing extends Error {
  constructor(channelId: string, where: string) {
    super(`The credentials of channel ${channelId} are not in ${where}. Give it new ones, or bring that store back.`);
    this.name = 'CredentialsAreMissing';
  }
}

/** How many secrets are sealed with a key, and one of them. */
export interface KeyInUse {
  readonly keyId: string;
  readonly secrets: number;
  readonly one: { readonly context: string; readonly bytes: Buffer };
}

/** Seals again what is sealed for `context`; throws where it does not open. */
export type SealAnew = (sealed: Sealed, context: string) => Sealed;

/** One secret, or several that are written together. */
export interface SealedItem {
  /** For people */
  readonly id: string;
  /** To go on after it */
  readonly cursor: string;
  /** False: somebody changed it meanwhile, and it is as they left it. */
  reseal(anew: SealAnew): Promise<boolean>;
}

/** A place with sealed secrets. */
export interface SealedPlace {
  readonly name: string;
  keysInUse(known: readonly string[]): Promise<readonly KeyInUse[]>;
  /** The next that are sealed with another key than this, in the order of their cursors. */
  notSealedWith(keyId: string, after: string | undefined, countMax: number): Promise<readonly SealedItem[]>;
}

/**
 * Where channels' sealed credentials are. Which version counts is said by the command store, so that a change of credentials happens in one
 * transaction there, wherever the envelope lies.
 */
export abstract class CredentialStore {
  /** From the commit of `tx` on this envelope counts and the one before is gone, now or soon. Called with the channel locked. */
  abstract save(tx: CredentialTransaction, channel: Channel, envelope: Envelope): Promise<void>;

  /** undefined: there is no such channel (of that tenant). Throws CredentialStoreUnavailable, CredentialsAreMissing. */
  abstract find(db: Queryable, channelId: string, tenantId?: string): Promise<SealedChannel | undefined>;

  /** From the commit of `tx` on, or soon after it, nothing is kept of this channel. */
  abstract remove(tx: CredentialTransaction, channel: ChannelId): Promise<void>;

  /** Takes away what a `remove` whose rest was lost has left, of some channels. Throws CredentialStoreUnavailable. */
  abstract removeLeft(db: Queryable): Promise<void>;

  /** What is kept outside the command store */
  abstract outside(db: Queryable): SealedPlace | undefined;

  /** Why nothing can be had from it now; undefined: as far as is known, it can. */
  abstract trouble(): Promise<string | undefined>;
}
