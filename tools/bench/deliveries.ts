import { metaJson, signInstagram } from '@sluice/testing';

/** An Instagram account whose channel, webhook and workflow are there. */
export interface Target {
  /** The same path at every gateway */
  readonly urls: readonly string[];
  readonly account: string;
  readonly secret: string;
}

export interface Delivery {
  readonly mid: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** One message of one of a hundred customers, signed as Meta signs. */
export function signedDelivery({ account, secret }: Target, mid: string, n: number, text = 'hi'): Delivery {
  const now = Date.now();
  const message = { sender: { id: `c${n % 100}` }, recipient: { id: account }, timestamp: now, message: { mid, text } };
  const body = metaJson({ object: 'instagram', entry: [{ id: account, time: now, messaging: [message] }] });
  return { mid, headers: { 'content-type': 'application/json', 'x-hub-signature-256': signInstagram(secret, body) }, body };
}
