import { objectOf } from '../json-values.js';
import { bearer, found, type ProviderApi, refusalByStatus } from '../provider-api.js';

/** By the token of the application's bot. */
export const discordApi: ProviderApi = {
  url: 'https://discord.com/api/v10',
  owner: {
    request: ({ accessToken }) => ({ method: 'GET', path: '/applications/@me', headers: bearer(accessToken, 'Bot') }),
    read: (answer) => refusalByStatus(answer) ?? found(objectOf(answer.body)?.id),
  },
};
