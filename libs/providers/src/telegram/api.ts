import { objectOf } from '../json-values.js';
import { found, type ProviderApi, refusalByStatus } from '../provider-api.js';

/** The token is part of the path. */
export const telegramApi: ProviderApi = {
  url: 'https://api.telegram.org',
  owner: {
    request: ({ accessToken }) => ({ method: 'GET', path: `/bot${encodeURIComponent(accessToken).replace('%3A', ':')}/getMe` }),
    read: (answer) => refusalByStatus(answer) ?? found(objectOf(objectOf(answer.body)?.result)?.id),
  },
};
