import type { Json } from '@sluice/kernel';
import type { Channel, ProviderAdapter, ProviderRequest } from '../adapter.js';
import { businessActions, businessEvent, type BusinessReading, headerOf } from '../business-events.js';
import { isForm, parsePayloadForm } from '../forms.js';
import { parseBody } from '../hostile.js';
import { idOf, objectOf } from '../json-values.js';
import { hmacSample } from '../samples.js';
import { type HmacScheme, verifyHmac } from '../signatures.js';

/**
 * GitHub's webhooks of repositories, organisations and apps, sent as JSON or as a form. What happened and the delivery's id
 * stand in headers, which are not signed. Rules: docs.github.com/en/webhooks (validating deliveries, best practices),
 * octokit/webhooks-methods.js, and the payload examples of octokit/webhooks.
 */
export const github: ProviderAdapter = {
  name: 'github',
  actionTypes: businessActions,
  bodyBytesMax: 25 * 1024 * 1024,
  verify: ({ headers, body }, { secrets }) => verifyHmac(headers, body, signature, secrets.signingSecrets),
  parse: (request) => (isForm(request) ? parsePayloadForm(request.body) : parseBody(request.body)),
  normalise: (body, channel, request) => [businessEvent('github', read(body, channel, request), body, channel)],
  sample: (channel, { id }) => {
    const repository = { id: channel.externalAccountId ?? '1', full_name: 'sluice/test' };
    const headers = { 'x-github-event': 'sluice_test', 'x-github-delivery': id };
    return hmacSample(channel, signature, { repository, sender: { id: 1, login: 'sluice', type: 'User' } }, headers);
  },
};

/** `X-Hub-Signature` (SHA-1) comes along for old receivers; alone it proves nothing. */
const signature: HmacScheme = { header: 'x-hub-signature-256', prefix: 'sha256=', algorithm: 'sha256', encoding: 'hex' };

function read(body: Json, { config }: Channel, request: ProviderRequest): BusinessReading | undefined {
  const payload = objectOf(body);
  const event = headerOf(request, 'x-github-event');
  const delivery = headerOf(request, 'x-github-delivery');
  if (payload === undefined || event === undefined || delivery === undefined) return undefined;

  const action = idOf(payload.action);
  const repository = objectOf(payload.repository);
  const sender = objectOf(payload.sender);
  const repositoryId = idOf(repository?.id);
  const organisationId = idOf(objectOf(payload.organization)?.id);
  // Who answers bots' comments with comments may talk to itself.
  const isUnwantedBot = config.ignoreBots === true && sender?.type === 'Bot';
  return {
    kind: action === undefined ? event : `${event}.${action}`,
    key: ['delivery', delivery],
    accountId: repositoryId ?? organisationId,
    accounts: [repositoryId, organisationId, idOf(objectOf(repository?.owner)?.id)],
    customerId: idOf(sender?.id),
    ignoredBecause: event === 'ping' ? 'system' : isUnwantedBot ? 'bot' : undefined,
  };
}
