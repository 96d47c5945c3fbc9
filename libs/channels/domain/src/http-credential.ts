import { type DomainEvent, DomainError } from '@sluice/kernel';

/** What `http.request` sends to prove who it is. */
export type HttpSecret =
  | { readonly type: 'bearer'; readonly token: string }
  | { readonly type: 'basic'; readonly username: string; readonly password: string }
  | { readonly type: 'header'; readonly headerName: string; readonly value: string };

/**
 * Sealed as one: whoever could change the hosts in the database could send the secret anywhere. `allowedHosts` are as `hostOf` has them.
 */
export interface HttpCredential {
  readonly secret: HttpSecret;
  readonly allowedHosts: readonly string[];
}

/** The secret is nowhere in the log. */
export type CredentialCreated = DomainEvent<
  'credential.created',
  { readonly name: string; readonly type: HttpSecret['type']; readonly allowedHosts: readonly string[]; readonly by: string }
>;
export type CredentialDeleted = DomainEvent<'credential.deleted', { readonly by: string }>;

export class CredentialNotFound extends DomainError {
  constructor(id: string) {
    super('not_found', 'credential_not_found', `There is no credential ${id}.`);
  }
}

export class AllowedHostIsInvalid extends DomainError {
  constructor(index: number) {
    const message = 'must be a host or host:port, without a scheme, a path or a wildcard';
    super('malformed', 'allowed_host_is_invalid', `An allowed host ${message}.`, { errors: [{ path: `allowedHosts[${index}]`, message }] });
  }
}

/**
 * As URLs have it: lower case, in Punycode, without the port of https. So `api.example.com` is that host by https alone; plain http, or
 * another port, is named by its port.
 */
function hostOf(text: string, index: number): string {
  const url = /^[^\s/\\?#@*%]+$/.test(text) ? URL.parse(`https://${text}`) : null;
  if (url === null || url.host === '' || url.hostname.endsWith('.')) throw new AllowedHostIsInvalid(index);
  return url.host;
}

export const httpCredential = (secret: HttpSecret, allowedHosts: readonly string[]): HttpCredential => ({
  secret,
  allowedHosts: [...new Set(allowedHosts.map(hostOf))],
});

export function createCredential(id: string, name: string, { secret, allowedHosts }: HttpCredential, by: string): CredentialCreated[] {
  return [{ type: 'credential.created', aggregateId: id, payload: { name, type: secret.type, allowedHosts, by } }];
}

export const deleteCredential = (id: string, by: string): CredentialDeleted[] => [
  { type: 'credential.deleted', aggregateId: id, payload: { by } },
];
