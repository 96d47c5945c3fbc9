import { objectOf, textOf } from '../json-values.js';
import { graphOwner, graphRefusal, graphSubscription } from '../meta/graph-api.js';
import { type ProviderApi, refusal, type TokenRefresh } from '../provider-api.js';

const dayMs = 24 * 60 * 60 * 1000;
/** Of a long-lived token, from when it was issued or refreshed */
const lifeMs = 60 * dayMs;
const refreshFromMs = 7 * dayMs;

/**
 * A token is refreshed from the seventh day on, is at least 24 h old then, and has not ended. When it was issued nobody tells: it has
 * been here since `since`, and lives for 60 days. Where its end is not known it is asked for as soon as it may be. On its last day it is tried, however
 * short it has been here.
 */
const refresh: TokenRefresh = {
  dueAt: ({ since, expiresAt }) => {
    const oldEnough = since.getTime() + dayMs;
    if (expiresAt === null) return new Date(oldEnough);
    const issued = Math.min(since.getTime(), expiresAt.getTime() - lifeMs);
    return new Date(Math.min(Math.max(issued + refreshFromMs, oldEnough), expiresAt.getTime() - dayMs));
  },
  request: ({ accessToken }) => ({
    method: 'GET',
    path: `/refresh_access_token?${new URLSearchParams({ grant_type: 'ig_refresh_token', access_token: accessToken }).toString()}`,
  }),
  read: (answer, now) => {
    const refused = graphRefusal(answer);
    if (refused !== undefined) return refused;
    const { access_token: token, expires_in: seconds } = objectOf(answer.body) ?? {};
    const accessToken = textOf(token);
    if (accessToken === undefined || accessToken === '' || typeof seconds !== 'number' || !(seconds > 0)) {
      return refusal('invalid_response', 'Instagram answered without a new token.');
    }
    return { ok: true, value: { accessToken, expiresAt: new Date(now.getTime() + Math.min(seconds * 1000, 10 * lifeMs)) } };
  },
};

/** With Instagram Login. `user_id` is what deliveries call the account, `id` is not. */
export const instagramApi: ProviderApi = {
  url: 'https://graph.instagram.com',
  owner: graphOwner('me', 'user_id'),
  refresh,
  subscription: graphSubscription(
    () => 'me',
    ['messages', 'messaging_postbacks', 'message_reactions', 'messaging_referral', 'messaging_seen', 'comments'],
  ),
};
