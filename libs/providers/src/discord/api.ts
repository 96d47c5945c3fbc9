import { objectOf } from '../json-values.js';
import { bearer, found, type ProviderApi, refusalByStatus } from '../provider-api.js';

/** By the token of the application's bot. */
export const discordApi: ProviderApi = {
  url: 'https://discord.com',
  owner: {
    request: ({ accessToken }) => ({ method: 'GET', path: '/api/v10/applications/@me', headers: bearer(accessToken, 'Bot') }),
    read: (answer) => refusalByStatus(answer) ?? found(objectOf(answer.body)?.id),
  },
};
