import { discordRespondCases } from './channels/discord-respond.cases.js';
import { discordSendMessageCases } from './channels/discord-send-message.cases.js';
import { instagramPrivateReplyCases } from './channels/instagram-private-reply.cases.js';
import { instagramReplyToCommentCases } from './channels/instagram-reply-to-comment.cases.js';
import { instagramSendMessageCases } from './channels/instagram-send-message.cases.js';
import { lineSendMessageCases } from './channels/line-send-message.cases.js';
import { messengerSendMessageCases } from './channels/messenger-send-message.cases.js';
import { slackSendMessageCases } from './channels/slack-send-message.cases.js';
import { telegramSendMessageCases } from './channels/telegram-send-message.cases.js';
import { twilioSendSmsCases } from './channels/twilio-send-sms.cases.js';
import { whatsappSendMediaCases } from './channels/whatsapp-send-media.cases.js';
import { whatsappSendMessageCases } from './channels/whatsapp-send-message.cases.js';
import { whatsappSendTemplateCases } from './channels/whatsapp-send-template.cases.js';
import { dataSetCases } from './data-set.cases.js';
import { dataTransformCases } from './data-transform.cases.js';
import { flowApprovalCases } from './flow-approval.cases.js';
import { flowDelayCases } from './flow-delay.cases.js';
import { flowWaitForEventCases } from './flow-wait-for-event.cases.js';
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
  ['instagram.privateReply', instagramPrivateReplyCases],
  ['instagram.replyToComment', instagramReplyToCommentCases],
  ['messenger.sendMessage', messengerSendMessageCases],
  ['whatsapp.sendMessage', whatsappSendMessageCases],
  ['whatsapp.sendTemplate', whatsappSendTemplateCases],
  ['whatsapp.sendMedia', whatsappSendMediaCases],
  ['telegram.sendMessage', telegramSendMessageCases],
  ['slack.sendMessage', slackSendMessageCases],
  ['line.sendMessage', lineSendMessageCases],
  ['discord.sendMessage', discordSendMessageCases],
  ['discord.respond', discordRespondCases],
  ['twilio.sendSms', twilioSendSmsCases],
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
