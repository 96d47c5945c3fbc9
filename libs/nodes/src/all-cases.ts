import { dataSetCases } from './data-set.cases.js';
import { dataTransformCases } from './data-transform.cases.js';
import { flowApprovalCases } from './flow-approval.cases.js';
import { flowDelayCases } from './flow-delay.cases.js';
import { flowWaitForEventCases } from './flow-wait-for-event.cases.js';
import { instagramSendMessageCases } from './instagram-send-message.cases.js';
import { logicIfCases } from './logic-if.cases.js';
import { logicMergeCases } from './logic-merge.cases.js';
import { logicStopCases } from './logic-stop.cases.js';
import { logicSwitchCases } from './logic-switch.cases.js';
import { httpRequestCases } from './http-request.cases.js';
import { dataFilterCases } from './data-filter.cases.js';
import { stateGetCases } from './state-get.cases.js';
import { stateSetCases } from './state-set.cases.js';
import { flowRespondCases } from './flow-respond.cases.js';
import { logicForEachCases } from './logic-for-each.cases.js';
import { flowSubworkflowCases } from './flow-subworkflow.cases.js';
import { triggerScheduleCases } from './trigger-schedule.cases.js';
import { codeJavascriptCases } from './code-javascript.cases.js';
import type { NodeCase } from './node-cases.js';
import { triggerManualCases } from './trigger-manual.cases.js';
import { triggerWebhookCases } from './trigger-webhook.cases.js';

/** The cases of every node type, by its name: run by the tests, printed in `docs/nodes`, served as examples. */
export const allCases: ReadonlyMap<string, readonly NodeCase[]> = new Map([
  ['trigger.webhook', triggerWebhookCases],
  ['trigger.manual', triggerManualCases],
  ['logic.if', logicIfCases],
  ['logic.switch', logicSwitchCases],
  ['logic.merge', logicMergeCases],
  ['logic.stop', logicStopCases],
  ['data.set', dataSetCases],
  ['data.transform', dataTransformCases],
  ['flow.delay', flowDelayCases],
  ['flow.waitForEvent', flowWaitForEventCases],
  ['flow.approval', flowApprovalCases],
  ['instagram.sendMessage', instagramSendMessageCases],
  ['http.request', httpRequestCases],
  ['data.filter', dataFilterCases],
  ['state.get', stateGetCases],
  ['state.set', stateSetCases],
  ['flow.respond', flowRespondCases],
  ['logic.forEach', logicForEachCases],
  ['flow.subworkflow', flowSubworkflowCases],
  ['trigger.schedule', triggerScheduleCases],
  ['code.javascript', codeJavascriptCases],
]);
