import type { Graph } from '@sluice/engine';
import type { InputError } from '@sluice/kernel';

/** A webhook that is registered for a node of this workflow. */
export interface Listener {
  readonly name: string;
  readonly nodeId: string;
}

/** Webhooks whose node is gone, or is another one now: their events start nothing once this is published. */
export function* checkListeners(
  { nodes }: Graph,
  listeners: readonly Listener[],
): Generator<InputError & { readonly severity: 'warning' }> {
  for (const { name, nodeId } of listeners) {
    const index = nodes.findIndex(({ id }) => id === nodeId);
    const type = nodes[index]?.type;
    if (type === 'trigger.webhook') continue;
    const [path, now] = type === undefined ? ['nodes', 'is gone'] : [`nodes[${index}].type`, `is a ${type} now`];
    yield {
      path,
      code: 'webhook_without_trigger',
      message: `The webhook "${name}" listens at "${nodeId}", which ${now}: its events will start nothing. Put the trigger back, or deactivate the webhook`,
      severity: 'warning',
    };
  }
}
