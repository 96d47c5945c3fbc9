import { isJsonObject, type Json } from '@sluice/kernel';

const hidden = '***';

/** The value without what these members hold, however deep they are. */
export function withoutSecrets(value: Json, members: readonly string[]): Json {
  if (members.length === 0) return value;
  const names = new Set(members);
  const text = JSON.stringify(value, (_, part: Json) => (isJsonObject(part) ? hiding(part, names) : part));
  const rest: Json = JSON.parse(text);
  return rest;
}

const hiding = (part: Readonly<Record<string, Json>>, names: ReadonlySet<string>): Json =>
  Object.fromEntries(Object.entries(part).map(([name, member]) => [name, names.has(name) && typeof member === 'string' ? hidden : member]));

/** The same for a body as it came, byte for byte: JSON, or a form in which there may be JSON. It need be neither whole nor valid. */
export function bodyWithoutSecrets(body: Buffer, members: readonly string[]): Buffer {
  if (members.length === 0) return body;
  const text = body.toString('latin1');
  return Buffer.from(/^(?:\xef\xbb\xbf)?\s*[[{]/.test(text) ? ofJson(text, members) : ofForm(text, members), 'latin1');
}

const ofJson = (text: string, members: readonly string[]): string =>
  text.replace(new RegExp(String.raw`("(?:${members.join('|')})"\s*:\s*")[^"\\]*(?:\\[^][^"\\]*)*`, 'g'), `$1${hidden}`);

/** `token=…`, and `%22token%22%3A%22…%22` in a field that is JSON */
function ofForm(text: string, members: readonly string[]): string {
  const [names, space] = [members.join('|'), String.raw`(?:\+|%20)*`];
  return text
    .replace(new RegExp(`((?:^|&)(?:${names})=)[^&]*`, 'g'), `$1${hidden}`)
    .replace(new RegExp(`(%22(?:${names})%22${space}%3A${space}%22)(?:(?!%22)[^&])*`, 'gi'), `$1${hidden}`);
}
