import { objectOf, textOf } from '../json-values.js';
import {
  type ApiAnswer,
  type ApiRefusal,
  bearer,
  found,
  type ProviderApi,
  refusal,
  refusalByStatus,
  type TokenRefresh,
} from '../provider-api.js';

const deadTokens = /^(token_expired|token_revoked|invalid_auth|not_authed|account_inactive)$/;
/** What Slack says of a refresh token, or of the app that it is for, that is no good. */
const deadRefreshes =
  /^(invalid_refresh_token|invalid_client_id|bad_client_secret|token_expired|token_revoked|invalid_auth|account_inactive)$/;

/** A refusal comes with status 200. */
function refusedBy(answer: ApiAnswer, dead: RegExp): ApiRefusal | undefined {
  const { ok, error } = objectOf(answer.body) ?? {};
  if (ok === true) return undefined;
  const word = textOf(error);
  if (word === undefined) return refusalByStatus(answer) ?? refusal('invalid_response', 'Slack gave no reason.');
  return refusal(word, `Slack answered ${word}.`, dead.test(word));
}

/**
 * Where an app rotates its tokens they live for 12 hours. A refresh token has no end, is good for one new pair, and is asked with after half of the
 * token's time: what goes wrong then has the other half to be mended.
 */
const refresh: TokenRefresh = {
  afterEnd: true,
  dueAt: ({ since, expiresAt }) => new Date(since.getTime() + Math.max(0, (expiresAt?.getTime() ?? 0) - since.getTime()) / 2),
  request: ({ refreshToken, clientId, clientSecret }) =>
    refreshToken === undefined || clientId === undefined || clientSecret === undefined
      ? undefined
      : {
          method: 'POST',
          path: '/oauth.v2.access',
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
          body: new URLSearchParams({
            grant_type: 'refresh_token',
            refresh_token: refreshToken,
            client_id: clientId,
            client_secret: clientSecret,
          }).toString(),
        },
  read: (answer, now) => {
    const refused = refusedBy(answer, deadRefreshes);
    if (refused !== undefined) return refused;
    const { access_token: access, refresh_token: next, expires_in: seconds } = objectOf(answer.body) ?? {};
    const [accessToken, refreshToken] = [textOf(access), textOf(next)];
    if (!accessToken || !refreshToken || typeof seconds !== 'number' || !(seconds > 0)) {
      return refusal('invalid_response', 'Slack answered without new tokens.');
    }
    return {
      ok: true,
      value: { accessToken, refreshToken, expiresAt: new Date(now.getTime() + Math.min(seconds, 366 * 24 * 3600) * 1000) },
    };
  },
};

export const slackApi: ProviderApi = {
  url: 'https://slack.com/api',
  owner: {
    request: ({ accessToken }) => ({ method: 'POST', path: '/auth.test', headers: bearer(accessToken) }),
    read: (answer) => refusedBy(answer, deadTokens) ?? found(objectOf(answer.body)?.team_id),
  },
  refresh,
};
