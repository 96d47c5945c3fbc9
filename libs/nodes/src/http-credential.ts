import type { Json } from '@sluice/kernel';
import { type HttpCredential, NodeFailure, type OutboundRequest, type OutboundResponse } from './node-type.js';

/** The request with the credential's header in place of any that the author wrote; for no host but those of the credential. */
export function withCredential(request: OutboundRequest, { secret, allowedHosts }: HttpCredential): OutboundRequest {
  const url = URL.parse(request.url);
  // Plain http is allowed only by a port: `example.com` means https.
  const host = url?.protocol === 'http:' ? `${url.hostname}:${url.port || '80'}` : url?.host;
  if (host === undefined || !allowedHosts.includes(host)) {
    const message = `The credential may not be sent to ${host ?? 'this URL'}: it is only for ${allowedHosts.join(', ')}`;
    throw new NodeFailure('credential_not_allowed', message, { retryable: false });
  }
  const [name, value] = headerOf(secret);
  return { ...request, headers: { ...request.headers, [name]: value } };
}

function headerOf(secret: HttpCredential['secret']): [string, string] {
  switch (secret.type) {
    case 'bearer':
      return ['authorization', `Bearer ${secret.token}`];
    case 'basic':
      return ['authorization', `Basic ${pairOf(secret)}`];
    case 'header':
      return [secret.headerName.toLowerCase(), secret.value];
  }
}

const pairOf = ({ username, password }: { readonly username: string; readonly password: string }): string =>
  Buffer.from(`${username}:${password}`).toString('base64');

/** Blanks secrets in an answer: some targets repeat the headers they were sent. */
export class Mask {
  private readonly texts: readonly string[];

  constructor(...secrets: readonly (HttpCredential['secret'] | undefined)[]) {
    const known = secrets.filter((secret) => secret !== undefined);
    this.texts = [...new Set(known.flatMap(textsOf).flatMap(spellingsOf))];
  }

  text(text: string): string {
    return this.texts.reduce((masked, secret) => masked.replaceAll(secret, '***'), text);
  }

  /** Each byte as a character and back */
  bytes(bytes: Buffer): Buffer {
    if (this.texts.length === 0) return bytes;
    const masked = this.texts.reduce(
      (text, secret) => text.replaceAll(Buffer.from(secret).toString('latin1'), '***'),
      bytes.toString('latin1'),
    );
    return Buffer.from(masked, 'latin1');
  }

  headers(headers: OutboundResponse['headers']): Record<string, string> {
    return Object.fromEntries(Object.entries(headers).map(([name, value]) => [this.text(name), this.text(value)]));
  }

  json(value: Json): Json {
    if (this.texts.length === 0) return value;
    const masked: Json = JSON.parse(JSON.stringify(value), (_, member: Json) => this.member(member));
    return masked;
  }

  private member(value: Json): Json {
    if (typeof value === 'string') return this.text(value);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [this.text(name), member]));
  }
}

function textsOf(secret: HttpCredential['secret']): string[] {
  switch (secret.type) {
    case 'bearer':
      return [secret.token];
    case 'basic':
      return [pairOf(secret), secret.password];
    case 'header':
      return [secret.value];
  }
}

/** As it is, in JSON, and in a URL. */
const spellingsOf = (secret: string): string[] => [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)];
