import type { Channel, ProviderAdapter, SampleCall, SampleTerms } from '../adapter.js';
import { wrongAccount } from '../checks.js';
import { type Dialect, normaliseEntries } from '../meta/entries.js';
import { signature, signedCalls } from '../meta/signed-calls.js';
import { messenger } from '../messenger/messenger.js';
import { readPageMessaging } from '../messenger/messaging.js';
import { hmacSample, sampleText, secondsOf } from '../samples.js';
import { readFeed } from './feed.js';
import { pageApi } from '../messenger/api.js';

const dialect: Dialect = {
  provider: 'facebook_page',
  object: 'page',
  readChange: (field, value, entry) => (field === 'feed' ? readFeed(value, entry) : undefined),
  readMessaging: readPageMessaging,
};

/**
 * A Facebook Page: posts, comments and reactions in its feed. A Meta app has one URL for all that its pages tell, so this adapter reads
 * their messages too, as `messenger` does. The rules come from Meta's reference of the Page webhooks.
 */
export const facebookPage: ProviderAdapter = {
  ...signedCalls,
  name: 'facebook_page',
  actionTypes: ['post', 'comment', ...messenger.actionTypes],
  normalise: (body, channel) => normaliseEntries(dialect, body, channel),
  check: (draft) => wrongAccount(draft, /^\d+$/, "the Page's id, a number"),
  api: pageApi(['feed']),
  sample,
};

/** Somebody's comment on a post. */
function sample(channel: Channel, { id, at }: SampleTerms): SampleCall | undefined {
  const page = channel.externalAccountId ?? '1000000000000001';
  const time = secondsOf(at);
  const from = { id: '1000000000000002', name: 'Sluice' };
  const ids = { post_id: `${page}_1`, comment_id: `1_sluice-test-${id}` };
  const value = { item: 'comment', verb: 'add', ...ids, from, message: sampleText, created_time: time };
  return hmacSample(channel, signature, { object: dialect.object, entry: [{ id: page, time, changes: [{ field: 'feed', value }] }] });
}
