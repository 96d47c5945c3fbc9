import { dataSet } from './data-set.js';
import { dataTransform } from './data-transform.js';
import { flowDelay } from './flow-delay.js';
import { httpRequest } from './http-request.js';
import { instagramSendMessage } from './instagram-send-message.js';
import { logicIf } from './logic-if.js';
import { logicMerge } from './logic-merge.js';
import { logicStop } from './logic-stop.js';
import { logicSwitch } from './logic-switch.js';
import type { NodeType } from './node-type.js';
import { triggerManual } from './trigger-manual.js';
import { triggerSchedule } from './trigger-schedule.js';
import { triggerWebhook } from './trigger-webhook.js';

/** Every node type there is, by its name. */
export const catalogue: ReadonlyMap<string, NodeType> = new Map(
  [
    triggerWebhook,
    triggerManual,
    triggerSchedule,
    logicIf,
    logicSwitch,
    logicMerge,
    logicStop,
    dataSet,
    dataTransform,
    flowDelay,
    httpRequest,
    instagramSendMessage,
  ].map((type) => [type.type, type]),
);
