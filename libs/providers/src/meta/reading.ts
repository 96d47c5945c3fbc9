import type { CanonicalEvent } from '../adapter.js';
import type { IgnoredBecause } from '../ignored-because.js';

/** Between whom it happened. `direction` is `out` for what the account itself did. */
export interface Parties {
  readonly customerId: string | null;
  readonly direction: CanonicalEvent['direction'];
}

/** What an item says by itself; where it was found and whose account it is decide the rest. */
export interface Reading extends Pick<
  CanonicalEvent,
  | 'kind'
  | 'action'
  | 'text'
  | 'payload'
  | 'content'
  | 'attachments'
  | 'emoji'
  | 'messageId'
  | 'reference'
  | 'replyTo'
  | 'ref'
  | 'errorCode'
  | 'conversationId'
> {
  /** What follows the account in the dedupe key; the first part names the kind of happening. */
  readonly key: readonly (string | number)[];
  readonly ignoredBecause?: IgnoredBecause;
}

/** What an item's reader knows besides the item. */
export interface MessagingContext extends Parties {
  readonly account: string;
  /** The item's own time, in ms. The entry's time changes on a redelivery and is in no key. */
  readonly timeMs: number | undefined;
}
