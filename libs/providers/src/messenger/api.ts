import { graphOwner, graphSubscription, graphUrl } from '../meta/graph-api.js';
import type { ProviderApi } from '../provider-api.js';

const conversations = [
  'messages',
  'messaging_postbacks',
  'messaging_referrals',
  'message_deliveries',
  'message_reads',
  'message_reactions',
  'message_echoes',
];

/** By the token of a Page. */
export const pageApi = (fields: readonly string[] = []): ProviderApi => ({
  url: graphUrl,
  owner: graphOwner('me', 'id'),
  subscription: graphSubscription(() => 'me', [...fields, ...conversations]),
});
