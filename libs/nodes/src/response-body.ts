import type { OutboundResponse } from './node-type.js';

const EXCERPT_LENGTH = 2_000;

export const isJson = ({ headers }: OutboundResponse): boolean =>
  /^application\/([\w.+-]+\+)?json\s*(;|$)/i.test(headers['content-type'] ?? '');

/** In the charset that the answer names, else UTF-8; what cannot be read becomes U+FFFD. */
export function bodyText({ headers, body }: OutboundResponse): string {
  const [, charset = 'utf-8'] = /;\s*charset="?([\w.:-]+)/i.exec(headers['content-type'] ?? '') ?? [];
  try {
    return new TextDecoder(charset).decode(body);
  } catch {
    return new TextDecoder().decode(body);
  }
}

/** Enough for a person to see what the target complained about. */
export const excerpt = (text: string): string => (text.length > EXCERPT_LENGTH ? `${text.slice(0, EXCERPT_LENGTH).toWellFormed()}…` : text);
