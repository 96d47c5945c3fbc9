import { discordRespond } from './channels/discord-respond.js';
import { discordSendMessage } from './channels/discord-send-message.js';
import { instagramPrivateReply } from './channels/instagram-private-reply.js';
import { instagramReplyToComment } from './channels/instagram-reply-to-comment.js';
import { instagramSendMessage } from './channels/instagram-send-message.js';
import { lineSendMessage } from './channels/line-send-message.js';
import { messengerSendMessage } from './channels/messenger-send-message.js';
import { slackSendMessage } from './channels/slack-send-message.js';
import { telegramSendMessage } from './channels/telegram-send-message.js';
import { twilioSendSms } from './channels/twilio-send-sms.js';
import { whatsappSendMedia } from './channels/whatsapp-send-media.js';
import { whatsappSendMessage } from './channels/whatsapp-send-message.js';
import { whatsappSendTemplate } from './channels/whatsapp-send-template.js';
import { dataFilter } from './data-filter.js';
import { codeJavascript } from './code-javascript.js';
import { dataSet } from './data-set.js';
import { dataTransform } from './data-transform.js';
import { flowApproval } from './flow-approval.js';
import { flowDelay } from './flow-delay.js';
import { flowRespond } from './flow-respond.js';
import { flowSubworkflow } from './flow-subworkflow.js';
import { flowWaitForEvent } from './flow-wait-for-event.js';
import { httpRequest } from './http-request.js';
import { logicForEach } from './logic-for-each.js';
import { logicIf } from './logic-if.js';
import { logicMerge } from './logic-merge.js';
import { logicStop } from './logic-stop.js';
import { logicSwitch } from './logic-switch.js';
import type { NodeType } from './node-type.js';
import { stateGet } from './state-get.js';
import { stateSet } from './state-set.js';
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
    logicForEach,
    logicStop,
    dataSet,
    dataTransform,
    dataFilter,
    codeJavascript,
    flowDelay,
    flowRespond,
    flowSubworkflow,
    flowWaitForEvent,
    flowApproval,
    httpRequest,
    stateGet,
    stateSet,
    instagramSendMessage,
    instagramPrivateReply,
    instagramReplyToComment,
    messengerSendMessage,
    whatsappSendMessage,
    whatsappSendTemplate,
    whatsappSendMedia,
    telegramSendMessage,
    slackSendMessage,
    lineSendMessage,
    discordSendMessage,
    discordRespond,
    twilioSendSms,
  ].map((type) => [type.type, type]),
);
