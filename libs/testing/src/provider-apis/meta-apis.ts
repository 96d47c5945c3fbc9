import type { Json, JsonObject } from '@sluice/kernel';
import { type ApiCall, bearerIn, type Limit, objectOf, type Order, type StubAnswer, type StubApi, textOf } from './stub-api.js';

const graphError = (
  status: number,
  code: number,
  message: string,
  more: JsonObject = {},
  headers: StubAnswer['headers'] = {},
): StubAnswer => ({
  status,
  headers,
  body: { error: { message, type: 'OAuthException', code, ...more, fbtrace_id: 'AStubTrace' } },
});

const usage = (account: string, type: string): Readonly<Record<string, string>> => ({
  'x-business-use-case-usage': JSON.stringify({
    [account]: [{ type, call_count: 100, total_cputime: 1, total_time: 1, estimated_time_to_regain_access: 1 }],
  }),
});

const expired = graphError(401, 190, 'Error validating access token: Session has expired on Monday, 30-Nov-26 12:00:00 PST.', {
  error_subcode: 463,
});
const troublesOf = (type: string, outside: number, unknown: number): StubApi['troubles'] => ({
  credentials_expired: expired,
  window_closed: graphError(403, 10, '(#10) This message is sent outside of allowed window.', { error_subcode: outside }),
  rate_limited: graphError(400, 613, '(#613) Calls to this api have exceeded the rate limit.', {}, usage('1', type)),
  recipient_unknown: graphError(400, 100, '(#100) No matching user found', { error_subcode: unknown }),
  recipient_unreachable: graphError(400, 551, "(#551) This person isn't available right now.", { error_subcode: 1545041 }),
  provider_unavailable: graphError(500, 2, 'An unexpected error has occurred. Please retry your request later.', { is_transient: true }),
});

const badParameter = (message: string): StubAnswer => graphError(400, 100, `(#100) ${message}`);

/** The account and what is below it, if the call is one to the Graph API with a living token. */
function graphCall(call: ApiCall, isDead: (token: string) => boolean): StubAnswer | { readonly account: string; readonly edge: string } {
  const token = bearerIn(call);
  if (token === '') return graphError(401, 190, 'Invalid OAuth access token - Cannot parse access token');
  if (isDead(token)) return expired;
  const [, account, edge] = /^\/v\d+\.\d+\/(\w+)\/(\w+)$/.exec(call.path) ?? [];
  if (call.method !== 'POST' || account === undefined || edge === undefined) {
    return graphError(400, 100, `Unsupported ${call.method.toLowerCase()} request.`, { error_subcode: 33 });
  }
  return { account, edge };
}

interface Talk {
  readonly bytesMax?: number;
  readonly charactersMax?: number;
  readonly textLimit: Limit;
  readonly mediaLimit: Limit;
}

/** Instagram and Messenger take the same messages. */
function readTalk(account: string, { body }: ApiCall, { bytesMax, charactersMax, textLimit, mediaLimit }: Talk): StubAnswer | Order {
  const recipient = objectOf(body['recipient']);
  const to = textOf(recipient['id']) || textOf(recipient['comment_id']);
  const message = objectOf(body['message']);
  const text = textOf(message['text']);
  const { type, payload } = objectOf(message['attachment']);
  if (to === '') return badParameter('Param recipient must be non-empty.');
  if ((text === '') === (type === undefined)) return badParameter('Param message must have either text or an attachment.');
  if (type !== undefined && textOf(objectOf(payload)['url']) === '') return badParameter('Param message[attachment][payload] needs a url.');
  if (bytesMax !== undefined && Buffer.byteLength(text) > bytesMax)
    return badParameter(`Length of param message[text] must be less than or equal to ${bytesMax}`);
  if (charactersMax !== undefined && text.length > charactersMax)
    return badParameter(`Length of param message[text] must be less than or equal to ${charactersMax}`);
  return {
    account,
    to,
    texts: [text],
    ...(typeof message['metadata'] === 'string' && { reference: message['metadata'] }),
    limits: [type === undefined ? textLimit : mediaLimit],
    done: ([id = '']) => ({ status: 200, body: { recipient_id: to, message_id: id } }),
  };
}

const perSecond = (key: string, calls: number): Limit => ({ key, calls, perMs: 1_000 });

export const instagramApi: StubApi = {
  provider: 'instagram',
  troubles: troublesOf('instagram', 2534022, 2534014),
  messageId: (count) => `aWdfZAG1faXRlbTo-${count}`,
  read(call, isDead) {
    const graph = graphCall(call, isDead);
    if ('status' in graph) return graph;
    const { account, edge } = graph;
    const textLimit = perSecond('account', 100);
    if (edge === 'replies') {
      const text = textOf(call.body['message']);
      if (text === '') return badParameter('The parameter message is required.');
      return { account: 'me', to: account, texts: [text], limits: [textLimit], done: ([id = '']) => ({ status: 200, body: { id } }) };
    }
    if (edge !== 'messages') return badParameter(`Unknown path components: /${edge}`);
    const order = readTalk(account, call, { bytesMax: 1000, textLimit, mediaLimit: perSecond('account/media', 10) });
    const comment = textOf(objectOf(call.body['recipient'])['comment_id']);
    if ('status' in order || comment === '') return order;
    return {
      ...order,
      limits: [...order.limits, { key: 'private-replies', calls: 750, perMs: 3_600_000 }],
      once: { name: `comment ${comment}`, again: () => graphError(400, 10900, '(#10900) Activity already replied to') },
    };
  },
};

export const messengerApi: StubApi = {
  provider: 'messenger',
  troubles: troublesOf('messenger', 2018278, 2018001),
  messageId: (count) => `m_stub-${count}`,
  read(call, isDead) {
    const graph = graphCall(call, isDead);
    if ('status' in graph) return graph;
    if (graph.edge !== 'messages') return badParameter(`Unknown path components: /${graph.edge}`);
    if (call.body['messaging_type'] !== 'RESPONSE')
      return badParameter('Param messaging_type must be one of {RESPONSE, UPDATE, MESSAGE_TAG}.');
    return readTalk(graph.account, call, {
      charactersMax: 2000,
      textLimit: perSecond('account', 300),
      mediaLimit: perSecond('account/media', 10),
    });
  },
};

const whatsappError = (status: number, code: number, message: string, details: string): StubAnswer =>
  graphError(status, code, `(#${code}) ${message}`, { error_data: { messaging_product: 'whatsapp', details } });

export const whatsappApi: StubApi = {
  provider: 'whatsapp',
  troubles: {
    credentials_expired: expired,
    window_closed: whatsappError(400, 131047, 'Re-engagement message', 'More than 24 hours have passed since the customer last replied.'),
    rate_limited: whatsappError(429, 130429, 'Rate limit hit', 'Cloud API message throughput has been reached.'),
    recipient_unreachable: whatsappError(400, 131026, 'Message undeliverable', 'Message Undeliverable.'),
    provider_unavailable: whatsappError(500, 131000, 'Something went wrong', 'Something went wrong.'),
  },
  messageId: (count) => `wamid.stub-${count}`,
  read(call, isDead) {
    const graph = graphCall(call, isDead);
    if ('status' in graph) return graph;
    const { body } = call;
    if (graph.edge !== 'messages' || body['messaging_product'] !== 'whatsapp')
      return badParameter('The parameter messaging_product is required.');
    const to = textOf(body['to']) || textOf(body['recipient']);
    if (to === '' || (body['to'] !== undefined && body['recipient'] !== undefined)) return badParameter('The parameter to is required.');
    const content = textIn(body);
    if (content === undefined) return badParameter('Invalid parameter');
    const reference = body['biz_opaque_callback_data'];
    const contacts: Json = [{ input: to, wa_id: to }];
    return {
      account: graph.account,
      to,
      texts: [content],
      ...(typeof reference === 'string' && { reference }),
      limits: [perSecond('account', 80), { key: `to/${to}`, calls: 45, perMs: 270_000 }],
      done: ([id = '']) => ({ status: 200, body: { messaging_product: 'whatsapp', contacts, messages: [{ id }] } }),
    };
  },
};

/** The words of a text, the name of a template, the address of anything else. */
function textIn(body: JsonObject): string | undefined {
  const type = textOf(body['type']);
  const content = objectOf(body[type]);
  switch (type) {
    case 'text': {
      const words = textOf(content['body']);
      return words !== '' && words.length <= 4096 ? words : undefined;
    }
    case 'template':
      return textOf(objectOf(content['language'])['code']) === '' ? undefined : textOf(content['name']) || undefined;
    case 'image':
    case 'video':
    case 'audio':
    case 'document':
    case 'sticker':
      return (textOf(content['link']) === '') === (textOf(content['id']) === '')
        ? undefined
        : textOf(content['link']) || textOf(content['id']);
    default:
      return undefined;
  }
}
