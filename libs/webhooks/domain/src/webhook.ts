import type { Graph } from '@sluice/engine';
import { compileExpression, ExpressionFailed, stripExpression } from '@sluice/expressions';
import { DomainError, type InputError } from '@sluice/kernel';
import type { WebhookDeactivated, WebhookRegistered, WebhookRegistrationEvent } from './webhook-events.js';

/** A node of a workflow that listens to a channel. */
export interface Webhook {
  readonly tenantId: string;
  readonly id: string;
  readonly name: string;
  readonly workflowId: string;
  readonly nodeId: string;
  readonly provider: string;
  readonly channelId: string;
  /** The second segment of the path, as the provider's console shows it */
  readonly triggerType: string;
  /** Families of events; `all` alone: every one */
  readonly actionTypes: readonly string[];
  readonly filter: string | null;
  /** `/webhooks/<channel>/<trigger type>/<action>` */
  readonly endpoint: string;
  readonly mode: 'async' | 'sync';
  readonly status: 'active' | 'inactive';
  readonly createdBy: string;
  /** Events of this registration so far */
  readonly streamVersion: number;
}

export class WebhookNotFound extends DomainError {
  constructor(id: string) {
    super('not_found', 'webhook_not_found', `There is no webhook ${id}.`);
  }
}

export class RegistrationIsInvalid extends DomainError {
  constructor(errors: readonly InputError[]) {
    super('malformed', 'registration_is_invalid', errors.map(({ message }) => message).join(' '), { errors });
  }
}

export const allActions = 'all';

/** A webhook before its first event. */
export const unregistered = (tenantId: string, id: string): Webhook => ({
  tenantId,
  id,
  name: '',
  workflowId: '',
  nodeId: '',
  provider: '',
  channelId: '',
  triggerType: '',
  actionTypes: [],
  filter: null,
  endpoint: '',
  mode: 'async',
  status: 'inactive',
  createdBy: '',
  streamVersion: 0,
});

export interface Registration {
  readonly name: string;
  readonly workflowId: string;
  readonly nodeId: string;
  readonly provider: string;
  /** By default the provider */
  readonly triggerType?: string;
  /** By default `all` */
  readonly actionTypes?: readonly string[];
  readonly filter?: string;
  /** By default `async` */
  readonly mode?: 'async' | 'sync';
}

/** What a registration refers to, as it is now. */
export interface RegistrationFacts {
  /** The draft and the newest version: the node must be in one of them */
  readonly graphs: readonly Graph[];
  readonly channel: { readonly id: string; readonly provider: string };
  /** The provider's families of events */
  readonly actionTypes: readonly string[];
}

export function register({ id }: Webhook, registration: Registration, facts: RegistrationFacts, by: string): WebhookRegistered[] {
  const { name, workflowId, nodeId, provider, triggerType = provider, filter, mode = 'async' } = registration;
  const { channel } = facts;
  const asked = registration.actionTypes ?? [allActions];
  const errors = [...nodeErrors(nodeId, facts), ...channelErrors(provider, facts), ...actionErrors(asked, facts), ...filterErrors(filter)];
  if (errors.length > 0) throw new RegistrationIsInvalid(errors);

  const actionTypes = asked.includes(allActions) ? [allActions] : asked;
  const [action = allActions, ...others] = actionTypes;
  const endpoint = `/webhooks/${channel.id}/${triggerType}/${others.length === 0 ? action : allActions}`;
  const config = {
    channelId: channel.id,
    triggerType,
    actionTypes,
    ...(filter !== undefined && { filter: stripExpression(filter) }),
    mode,
  };
  return [{ type: 'webhook.registered', aggregateId: id, payload: { name, workflowId, nodeId, provider, config, endpoint, by } }];
}

/** Deactivating what is inactive decides nothing. */
export function deactivate({ id, status }: Webhook, by: string): WebhookDeactivated[] {
  return status === 'active' ? [{ type: 'webhook.deactivated', aggregateId: id, payload: { by } }] : [];
}

export function evolve(webhook: Webhook, event: WebhookRegistrationEvent): Webhook {
  const streamVersion = webhook.streamVersion + 1;
  switch (event.type) {
    case 'webhook.registered': {
      const { config, by: createdBy, ...rest } = event.payload;
      const { channelId, triggerType, actionTypes, filter = null, mode } = config;
      return { ...webhook, ...rest, channelId, triggerType, actionTypes, filter, mode, status: 'active', createdBy, streamVersion };
    }
    case 'webhook.deactivated':
      return { ...webhook, status: 'inactive', streamVersion };
  }
}

function nodeErrors(nodeId: string, { graphs }: RegistrationFacts): InputError[] {
  const found = graphs.flatMap(({ nodes }) => nodes.filter(({ id }) => id === nodeId));
  if (found.some(({ type }) => type === 'trigger.webhook')) return [];
  const message =
    found[0] === undefined ? `The workflow has no node "${nodeId}".` : `The node "${nodeId}" is a ${found[0].type}, not a trigger.webhook.`;
  return [{ path: 'nodeId', message }];
}

function channelErrors(provider: string, { channel }: RegistrationFacts): InputError[] {
  if (channel.provider === provider) return [];
  return [{ path: 'config.channelId', message: `The channel ${channel.id} is one of ${channel.provider}, not of ${provider}.` }];
}

function actionErrors(asked: readonly string[], { actionTypes }: RegistrationFacts): InputError[] {
  const unknown = asked.filter((action) => action !== allActions && !actionTypes.includes(action));
  if (unknown.length === 0) return [];
  const known = [allActions, ...actionTypes].join(', ');
  return [{ path: 'config.actionTypes', message: `Unknown action types: ${unknown.join(', ')}. Known are ${known}.` }];
}

function filterErrors(filter: string | undefined): InputError[] {
  if (filter === undefined) return [];
  try {
    compileExpression(stripExpression(filter));
    return [];
  } catch (error) {
    if (error instanceof ExpressionFailed) return [{ path: 'config.filter', message: error.message }];
    throw error;
  }
}
