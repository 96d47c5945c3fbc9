import type { JsonObject } from '@sluice/kernel';
import { idOf, listOf, objectOf, partsOf, textOf, timeOf } from '../json-values.js';
import type { Said } from './said.js';

/** Buttons, forms, shortcuts and slash commands. Slack sends them once; `trigger_id` is what names one. */
export function readInteraction(fields: JsonObject): Said | undefined {
  const trigger = idOf(fields.trigger_id);
  if (trigger === undefined) return undefined;
  const said = textOf(fields.command) === undefined ? contentOf(fields) : readCommand(fields);
  return said && { ...said, key: ['interaction', trigger], direction: 'in' };
}

type Content = Omit<Said, 'key' | 'direction'>;

const readCommand = (fields: JsonObject): Content => ({
  kind: 'command',
  action: 'command',
  customerId: idOf(fields.user_id) ?? null,
  conversationId: idOf(fields.channel_id),
  text: textOf(fields.text) || undefined,
  content: { command: textOf(fields.command) ?? '' },
  occurredMs: undefined,
});

function contentOf(fields: JsonObject): Content | undefined {
  const common = {
    action: 'postback',
    customerId: idOf(objectOf(fields.user)?.id) ?? null,
    conversationId: idOf(objectOf(fields.channel)?.id),
    occurredMs: timeOf(fields.action_ts),
  };
  switch (fields.type) {
    case 'block_actions':
    case 'interactive_message': {
      const action = objectOf(listOf(fields.actions)?.[0]);
      const payload = textOf(action?.value) ?? textOf(objectOf(action?.selected_option)?.value) ?? textOf(action?.action_id);
      const content = partsOf(fields, 'actions', 'state');
      return { ...common, kind: 'postback', payload, content, occurredMs: timeOf(action?.action_ts) ?? common.occurredMs };
    }
    case 'shortcut':
    case 'message_action':
      return { ...common, kind: 'shortcut', payload: textOf(fields.callback_id), content: partsOf(fields, 'message') };
    case 'view_submission':
      return { ...common, kind: 'view_submission', payload: textOf(objectOf(fields.view)?.callback_id), content: partsOf(fields, 'view') };
    default:
      return undefined;
  }
}
