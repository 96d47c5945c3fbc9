import { isJsonObject, type Json, type JsonObject } from '@sluice/kernel';
import { type NodeCase, type NodeType, refusalsOf } from '@sluice/nodes';
import { format } from 'prettier';

/** One example: what is the case, the config, what comes in, what comes out. */
export async function caseText(type: NodeType, nodeCase: NodeCase): Promise<string> {
  const { config, input, trigger, state = {}, provider, channelConfig, lastMessageAt, events = [] } = nodeCase;
  const parts = [
    ...(await configOf(type, config)),
    ...(await named('Input', input)),
    ...(await named('Trigger', trigger)),
    ...(await named('State before', Object.keys(state).length > 0 ? state : undefined)),
    ...(await named("The channel's provider", provider)),
    ...(await named("The channel's config", channelConfig)),
    ...lastMessageText(lastMessageAt),
    ...(await callsOf(nodeCase)),
    ...(await outcomeOf(type, nodeCase)),
    ...(await named('State afterwards', nodeCase.leaves)),
    ...(await named('Answers the caller with', nodeCase.responds)),
    ...(await Promise.all(events.map(({ event, fits }) => labelled(fits ? 'This event fits' : 'This one does not', event)))),
  ];
  return [`**${nodeCase.says}**`, ...parts].join('\n\n');
}

const lastMessageText = (at: NodeCase['lastMessageAt']): string[] =>
  at === undefined ? [] : [at === null ? 'The customer never wrote.' : `The customer last wrote at ${at}.`];

/** Code stands in blocks of its own: in JSON it cannot be read. */
async function configOf({ configSchema }: NodeType, config: JsonObject): Promise<string[]> {
  const isCode = ([name, value]: [string, Json]) => typeof value === 'string' && syntaxOf(configSchema, name) !== undefined;
  const codes = Object.entries(config).filter(isCode);
  const rest = Object.fromEntries(Object.entries(config).filter((entry) => !isCode(entry)));
  const blocks = codes.map(([name, value]) => `\`${name}\`:\n\n${fenced(syntaxOf(configSchema, name) ?? '', String(value))}`);
  return codes.length > 0 && Object.keys(rest).length === 0 ? blocks : [fenced('json', await json(rest)), ...blocks];
}

function syntaxOf({ properties }: JsonObject, name: string): string | undefined {
  const field = isJsonObject(properties) ? properties[name] : undefined;
  return isJsonObject(field) && field['format'] === 'code' ? String(field['syntax']) : undefined;
}

function outcomeOf(type: NodeType, { gives, config }: NodeCase): Promise<string[]> {
  if ('refused' in gives) return Promise.resolve([refusalText(type, config)]);
  if ('fails' in gives) return Promise.resolve([`Fails with \`${String(gives.fails)}\`.`]);
  const [only, ...others] = type.handles(config);
  const handle: JsonObject = others.length === 0 && only !== undefined ? { handle: only } : {};
  return outcomeText({ ...handle, ...gives });
}

function refusalText(type: NodeType, config: JsonObject): string {
  const [refusal] = refusalsOf(type, config);
  return `Publishing refuses it: \`${refusal?.code ?? ''}\`. ${sentence(refusal?.message ?? '')}`;
}

const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);

async function outcomeText(given: JsonObject): Promise<string[]> {
  const { kind = 'done', handle, output, ...rest } = given;
  const withOutput = async (words: string) => (output === undefined ? [`${words}.`] : [await labelled(`${words}, with`, output)]);
  switch (kind) {
    case 'done':
      return withOutput(handle === undefined ? 'Goes on' : `Goes on by \`${String(handle)}\``);
    case 'stop':
      return withOutput(`Ends the run as \`${String(rest['status'] ?? 'completed')}\``);
    case 'wait':
      return [`Waits until ${String(rest['until'])}, then goes on by \`out\` with its input.`];
    case 'loop':
      return [await labelled('Runs its body for each of', rest['items'] ?? [])];
    case 'awaitEvent':
      return [await labelled('Waits for an event', rest)];
    case 'awaitApproval':
      return [await labelled('Waits for a decision', rest)];
    case 'call':
      return [await labelled('Runs the workflow, and goes on by `out` with its output', rest)];
    default:
      return [await labelled(`Ends with \`${String(kind)}\``, rest)];
  }
}

const named = async (name: string, value: Json | undefined): Promise<string[]> =>
  value === undefined ? [] : [await labelled(name, value)];

/** Each request before its answer. */
async function callsOf({ sends = [], answers = [] }: NodeCase): Promise<string[]> {
  const turns = Array.from({ length: Math.max(sends.length, answers.length) }, async (_, turn) => [
    ...(await named(turn === 0 ? 'Sends' : 'Then sends', sends[turn])),
    ...(await named('Is answered', answers[turn])),
  ]);
  return (await Promise.all(turns)).flat();
}

/** On one line where it fits. */
async function labelled(name: string, value: Json): Promise<string> {
  const text = await json(value);
  return text.includes('\n') || text.length > 100 ? `${name}:\n\n${fenced('json', text)}` : `${name}: ${codeSpan(text)}`;
}

const codeSpan = (text: string): string => (text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``);

function fenced(language: string, text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}${language}\n${text}\n${fence}`;
}

const json = async (value: Json): Promise<string> =>
  (await format(JSON.stringify(shortened(value)), { parser: 'json', printWidth: 120 })).trimEnd();

const ITEMS_SHOWN = 20;
const CHARACTERS_SHOWN = 500;

/** What is long only to be long is cut. */
function shortened(value: Json): Json {
  if (typeof value === 'string') {
    return value.length > CHARACTERS_SHOWN ? `${value.slice(0, 40).toWellFormed()}… (${value.length} characters)` : value;
  }
  if (isJsonObject(value)) return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, shortened(part)]));
  if (typeof value !== 'object' || value === null) return value;
  const rest = value.length - ITEMS_SHOWN;
  return rest > 0 ? [...value.slice(0, 3).map(shortened), `… ${value.length - 3} more`] : value.map(shortened);
}
