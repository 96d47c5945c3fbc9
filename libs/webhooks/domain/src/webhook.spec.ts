import { deciderSpec } from '@sluice/testing';
import {
  deactivate,
  evolve,
  register,
  type Registration,
  type RegistrationFacts,
  RegistrationIsInvalid,
  unregistered,
  type Webhook,
} from './webhook.js';
import type { WebhookRegistrationEvent } from './webhook-events.js';

const initial = unregistered('018f3b5e-0000-7000-8000-00000000000a', '018f3b5e-0000-7000-8000-00000000000d');
const given = deciderSpec<Webhook, WebhookRegistrationEvent>(evolve, initial);
const registration: Registration = { name: 'Questions', workflowId: 'w', nodeId: 'start', provider: 'instagram' };
const draft = {
  nodes: [
    { id: 'start', type: 'trigger.webhook', config: {} },
    { id: 'a', type: 'data.set', config: {} },
  ],
  edges: [],
};
const facts: RegistrationFacts = { graphs: [draft], channel: { id: 'c', provider: 'instagram' }, actionTypes: ['message', 'comment'] };
const registering =
  (changes: Partial<Registration> = {}, other: Partial<RegistrationFacts> = {}) =>
  (webhook: Webhook) =>
    register(webhook, { ...registration, ...changes }, { ...facts, ...other }, 'ada');
const byAda = (webhook: Webhook) => deactivate(webhook, 'ada');
const registered = registering()(initial);

describe('the endpoint', () => {
  const endpoint = (changes: Partial<Registration>) => registering(changes)(initial)[0]?.payload.endpoint;

  it('is for everything by default', () => expect(endpoint({})).toBe('/webhooks/c/instagram/all'));
  it('names its one action type', () => expect(endpoint({ actionTypes: ['comment'] })).toBe('/webhooks/c/instagram/comment'));
  it('is for everything when there are several', () =>
    expect(endpoint({ actionTypes: ['comment', 'message'] })).toBe('/webhooks/c/instagram/all'));
  it('has the trigger type that was asked for', () => expect(endpoint({ triggerType: 'ig-2' })).toBe('/webhooks/c/ig-2/all'));
});

it('listens to what was asked for', () => {
  given()
    .when(registering({ actionTypes: ['comment'], filter: "{{ trigger.text = 'hi' }}" }))
    .then({
      type: 'webhook.registered',
      payload: { config: { channelId: 'c', actionTypes: ['comment'], filter: "trigger.text = 'hi'", mode: 'async' } },
    });
  given()
    .when(registering({ actionTypes: ['message', 'all'] }))
    .then({ type: 'webhook.registered', payload: { config: { actionTypes: ['all'] } } });
});

it('finds the node in the newest version too', () => {
  given()
    .when(registering({}, { graphs: [{ nodes: [], edges: [] }, draft] }))
    .then({ type: 'webhook.registered' });
});

it.each([
  ['a node that is not there', { nodeId: 'gone' }, {}, 'nodeId'],
  ['a node that is no trigger', { nodeId: 'a' }, {}, 'nodeId'],
  ['a channel of another provider', {}, { channel: { id: 'c', provider: 'line' } }, 'config.channelId'],
  ['an action type that the provider does not have', { actionTypes: ['message', 'fax'] }, {}, 'config.actionTypes'],
  ['a filter that cannot be read', { filter: 'trigger.(' }, {}, 'config.filter'],
])('refuses %s', (_, changes, other, path) => {
  given().when(registering(changes, other)).thenThrows(RegistrationIsInvalid);
  expect(() => registering(changes, other)(initial)).toThrow(
    expect.objectContaining({ details: { errors: [expect.objectContaining({ path })] } }),
  );
});

it('is deactivated once', () =>
  given(...registered)
    .when(byAda)
    .then({ type: 'webhook.deactivated' }));
it('stays inactive', () =>
  given(...registered, ...byAda(registered.reduce(evolve, initial)))
    .when(byAda)
    .thenNothing());
