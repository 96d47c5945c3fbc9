import { idOf } from '../json-values.js';
import { graphOwner, graphSubscription, graphUrl } from '../meta/graph-api.js';
import type { ProviderApi } from '../provider-api.js';

/** Its account is a phone number, which a token is not for alone: the number is asked for by its id. Subscribed is the business account. */
export const whatsappApi: ProviderApi = {
  url: graphUrl,
  owner: {
    request: (account) =>
      account.externalAccountId === null ? undefined : graphOwner(encodeURIComponent(account.externalAccountId), 'id').request(account),
    read: (answer) => graphOwner('', 'id').read(answer),
  },
  subscription: graphSubscription((config) => idOf(config['wabaId']), []),
};
