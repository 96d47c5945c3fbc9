import { DomainError, type DomainEvent } from '@sluice/kernel';

export type ProviderAppCreated = DomainEvent<
  'provider_app.created',
  { readonly provider: string; readonly name: string; readonly by: string }
>;
/** Its URL answers 404 from now on; the channels behind it stay. */
export type ProviderAppDeleted = DomainEvent<'provider_app.deleted', { readonly by: string }>;
export type ProviderAppEvent = ProviderAppCreated | ProviderAppDeleted;

/** A tenant's app at a provider that has one callback URL for all accounts: what comes there is routed to their channels. */
export interface ProviderApp {
  readonly tenantId: string;
  readonly id: string;
  readonly provider: string;
  readonly name: string;
  readonly status: 'active' | 'deleted';
  readonly createdBy: string;
  /** Events of this app so far */
  readonly streamVersion: number;
}

/** What the app knows that nobody may see; every secret is accepted, so that it can be rotated. */
export interface ProviderAppCredentials {
  readonly signingSecrets: readonly string[];
  readonly verifyToken?: string;
}

export class ProviderAppNotFound extends DomainError {
  constructor(id: string) {
    super('not_found', 'provider_app_not_found', `There is no provider app ${id}.`);
  }
}

/** A provider app before its first event. */
export const uncreatedApp = (tenantId: string, id: string): ProviderApp => ({
  tenantId,
  id,
  provider: '',
  name: '',
  status: 'deleted',
  createdBy: '',
  streamVersion: 0,
});

export type ProviderAppSettings = Pick<ProviderApp, 'provider' | 'name'>;

export const createApp = ({ id }: ProviderApp, { provider, name }: ProviderAppSettings, by: string): ProviderAppCreated[] => [
  { type: 'provider_app.created', aggregateId: id, payload: { provider, name, by } },
];

/** Deleting what is deleted decides nothing. */
export const deleteApp = ({ id, status }: ProviderApp, by: string): ProviderAppDeleted[] =>
  status === 'deleted' ? [] : [{ type: 'provider_app.deleted', aggregateId: id, payload: { by } }];

export function evolveApp(app: ProviderApp, event: ProviderAppEvent): ProviderApp {
  const streamVersion = app.streamVersion + 1;
  switch (event.type) {
    case 'provider_app.created': {
      const { provider, name, by: createdBy } = event.payload;
      return { ...app, provider, name, createdBy, status: 'active', streamVersion };
    }
    case 'provider_app.deleted':
      return { ...app, status: 'deleted', streamVersion };
  }
}
