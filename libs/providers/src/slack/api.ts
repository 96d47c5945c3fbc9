import { objectOf, textOf } from '../json-values.js';
import { bearer, found, type ProviderApi, refusal, refusalByStatus } from '../provider-api.js';

const deadTokens = /^(token_expired|token_revoked|invalid_auth|not_authed|account_inactive)$/;

/** A refusal comes with status 200. */
export const slackApi: ProviderApi = {
  url: 'https://slack.com',
  owner: {
    request: ({ accessToken }) => ({ method: 'POST', path: '/api/auth.test', headers: bearer(accessToken) }),
    read: (answer) => {
      const { ok, error, team_id: team } = objectOf(answer.body) ?? {};
      if (ok === true) return found(team);
      const word = textOf(error);
      if (word === undefined) return refusalByStatus(answer) ?? refusal('invalid_response', 'Slack gave no reason.');
      return refusal(word, `Slack answered ${word}.`, deadTokens.test(word));
    },
  },
};
