import type { ProviderAdapter } from '../adapter.js';
import { wrongAccount } from '../checks.js';
import { messageSample } from '../meta/sample.js';
import { signedCalls } from '../meta/signed-calls.js';
import { normalise } from './normalise.js';
import { instagramApi } from './api.js';

/**
 * Instagram: direct messages, comments and mentions of a professional account, by Instagram Login or by a Page. The rules come from
 * Meta's pages on the Instagram Platform's webhooks and, for edits, from what public repositories report.
 */
export const instagram: ProviderAdapter = {
  ...signedCalls,
  name: 'instagram',
  actionTypes: [
    'message',
    'message_edit',
    'reaction',
    'postback',
    'referral',
    'seen',
    'optin',
    'handover',
    'policy',
    'feedback',
    'standby',
    'comment',
    'mention',
    'insights',
  ],
  normalise,
  check: (draft) => wrongAccount(draft, /^\d+$/, 'the number that `GET /me?fields=user_id` answers'),
  api: instagramApi,
  sample: messageSample('instagram'),
};
