import type { ProviderAdapter } from './adapter.js';
import { instagram } from './instagram/instagram.js';

/** Every provider the gateway can speak to, by the name that channels and paths use. */
export const providers: ReadonlyMap<string, ProviderAdapter> = new Map([instagram].map((adapter) => [adapter.name, adapter]));

export const providerNamed = (name: string): ProviderAdapter | undefined => providers.get(name);
