import { DEFAULT_HANDLE } from '@sluice/engine';
import type { TriggerNodeType } from './node-type.js';

/** Which channel and which events start it is said by the webhooks that are registered for the node, not by its config. */
export const triggerWebhook: TriggerNodeType = {
  type: 'trigger.webhook',
  kind: 'trigger',
  title: 'Webhook',
  description:
    'Starts a run for each event of the webhooks registered for this node. Its output is the event: kind, action, customerId, text, ' +
    'payload and so on.',
  configSchema: {
    title: 'Webhook',
    type: 'object',
    properties: {},
    additionalProperties: false,
    examples: [{}],
  },
  handles: () => [DEFAULT_HANDLE],
};
