import { checkListeners } from './check-listeners.js';

const graph = {
  nodes: [
    { id: 'in', type: 'trigger.webhook', config: {} },
    { id: 'send', type: 'http.request', config: {} },
  ],
  edges: [],
};

it('warns of webhooks whose node is gone or is no trigger', () => {
  const listeners = ['in', 'send', 'gone'].map((nodeId) => ({ name: 'Orders', nodeId }));
  const rest = 'its events will start nothing. Put the trigger back, or deactivate the webhook';
  expect([...checkListeners(graph, listeners)]).toEqual([
    {
      path: 'nodes[1].type',
      code: 'webhook_without_trigger',
      message: `The webhook "Orders" listens at "send", which is a http.request now: ${rest}`,
      severity: 'warning',
    },
    {
      path: 'nodes',
      code: 'webhook_without_trigger',
      message: `The webhook "Orders" listens at "gone", which is gone: ${rest}`,
      severity: 'warning',
    },
  ]);
});
