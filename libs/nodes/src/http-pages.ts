import { isJsonObject, type Json, type JsonObject } from '@sluice/kernel';
import { configFailure, isList, kindOf, optionalInteger, optionalObject } from './config-fields.js';
import { pairsOf } from './http-body.js';
import { parseLinks } from './link-header.js';
import { NodeFailure, type NodeInput } from './node-type.js';

export const PAGES_DEFAULT = 10;
export const PAGES_MAX = 100;

/** What of a request changes from page to page. */
export interface PageAddress {
  readonly url: string;
  readonly body: Json | undefined;
}

/** As it is put out */
export type Answer = JsonObject & {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Json;
};

/** Asks for one page after the other, as `nextPage` says, and gathers what `pageItems` finds on them. */
export async function gatherPages(
  { config, evaluate }: NodeInput,
  first: PageAddress,
  ask: (address: PageAddress, page: number) => Promise<Answer>,
): Promise<JsonObject> {
  const maxPages = optionalInteger(config, 'maxPages', 1, PAGES_MAX) ?? PAGES_DEFAULT;
  const asked = new Map<string, number>();
  const items: Json[] = [];
  let address = first;
  for (let page = 1; ; page += 1) {
    asked.set(keyOf(address), page);
    const { status, headers, body } = await ask(address, page);
    const item = { status, headers, body, links: parseLinks(headers['link'], address.url), page };
    for (const found of listed(await evaluate('pageItems', { item }))) items.push(found);

    const next = addressBehind(address, await evaluate('nextPage', { item }));
    if (next === undefined || page === maxPages) return { status, headers, body: items, pages: page, complete: next === undefined };
    const before = asked.get(keyOf(next));
    if (before !== undefined) {
      const message = `\`nextPage\` leads from page ${page} back to page ${before}: it must give nothing after the last page`;
      throw new NodeFailure('pages_repeat', message, { retryable: false });
    }
    address = next;
  }
}

const keyOf = ({ url, body }: PageAddress): string => JSON.stringify([url, body]);

/** An expression that finds one thing gives it alone. */
function listed(value: Json | undefined): readonly Json[] {
  if (value === undefined || value === null) return [];
  return isList(value) ? value : [value];
}

/** `undefined` after the last page. */
function addressBehind(address: PageAddress, next: Json | undefined): PageAddress | undefined {
  if (next === undefined || next === null || next === false || next === '') return undefined;
  if (typeof next === 'string') return { ...address, url: nextUrl(next, address.url) };
  if (!isJsonObject(next) || Object.keys(next).some((name) => name !== 'query' && name !== 'body')) {
    const what = isJsonObject(next) ? 'an object with other members' : kindOf(next);
    throw configFailure('nextPage', `must give a URL, an object with \`query\` or \`body\`, or nothing, not ${what}`);
  }
  const query = present(optionalObject(next, 'query'));
  const members = present(optionalObject(next, 'body'));
  if (query.length === 0 && members.length === 0) return undefined;
  return { url: withQuery(address.url, Object.fromEntries(query)), body: withMembers(address.body, members) };
}

/** A cursor that is null or empty is none. */
const present = (object: JsonObject): [string, Json][] => Object.entries(object).filter(([, value]) => value !== null && value !== '');

function nextUrl(text: string, base: string): string {
  const url = URL.parse(text, base);
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:')) throw configFailure('nextPage', 'gave a text that is no URL');
  return url.href;
}

function withQuery(address: string, query: JsonObject): string {
  const url = new URL(address);
  for (const name of Object.keys(query)) url.searchParams.delete(name);
  for (const [name, text] of pairsOf(query, 'nextPage.query')) url.searchParams.append(name, text);
  return url.href;
}

function withMembers(body: Json | undefined, members: readonly [string, Json][]): Json | undefined {
  if (members.length === 0) return body;
  if (!isJsonObject(body)) throw configFailure('nextPage', 'can change the `body` only where that is an object');
  return { ...body, ...Object.fromEntries(members) };
}
