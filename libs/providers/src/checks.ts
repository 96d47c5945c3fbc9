import type { InputError, Json } from '@sluice/kernel';
import type { ChannelDraft } from './adapter.js';

/** `what`: what it must be; an account that is not given is not wrong. */
export const wrongAccount = ({ externalAccountId }: ChannelDraft, form: RegExp, what: string): InputError[] =>
  externalAccountId === null || form.test(externalAccountId) ? [] : [{ path: 'externalAccountId', message: `It must be ${what}.` }];

/** Tells which, never what it is. */
export const wrongSecrets = ({ secrets }: ChannelDraft, isRight: (secret: string) => boolean, why: string): InputError[] =>
  secrets.signingSecrets.flatMap((secret, index) =>
    isRight(secret) ? [] : [{ path: `credentials.signingSecrets[${index}]`, message: `It ${why}.` }],
  );

/** A header's name, as HTTP allows it */
export const isHeaderName = (value: Json | undefined): boolean => typeof value === 'string' && /^[\w!#$%&'*+.^`|~-]+$/.test(value);
