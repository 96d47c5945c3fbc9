import { objectOf } from '../json-values.js';
import { bearer, found, type ProviderApi, refusalByStatus } from '../provider-api.js';

export const lineApi: ProviderApi = {
  url: 'https://api.line.me',
  owner: {
    request: ({ accessToken }) => ({ method: 'GET', path: '/v2/bot/info', headers: bearer(accessToken) }),
    read: (answer) => refusalByStatus(answer) ?? found(objectOf(answer.body)?.userId),
  },
};
