import { objectOf } from '../json-values.js';
import { bearer, found, type ProviderApi, refusalByStatus } from '../provider-api.js';

/** `accessToken`: the auth token, or `<key>:<secret>` of an API key. */
export const twilioApi: ProviderApi = {
  url: 'https://api.twilio.com',
  owner: {
    request: ({ accessToken, externalAccountId }) => {
      if (externalAccountId === null) return undefined;
      const login = accessToken.includes(':') ? accessToken : `${externalAccountId}:${accessToken}`;
      return {
        method: 'GET',
        path: `/2010-04-01/Accounts/${encodeURIComponent(externalAccountId)}.json`,
        headers: bearer(Buffer.from(login).toString('base64'), 'Basic'),
      };
    },
    read: (answer) => refusalByStatus(answer) ?? found(objectOf(answer.body)?.sid),
  },
};
