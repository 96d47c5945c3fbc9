import { ChannelIsInvalid, ProviderIsUnknown } from '@sluice/channels-domain';
import { type ChannelDraft, providerNamed, providers } from '@sluice/providers';

/** Throws all that its provider finds wrong with a channel, or with the part of it that somebody gives now. */
export function assertConnectable(draft: ChannelDraft & { readonly provider: string }, part = ''): void {
  const provider = providerNamed(draft.provider);
  if (provider === undefined) throw new ProviderIsUnknown(draft.provider, providers.keys());
  const findings = provider.check?.(draft).filter(({ path }) => path.startsWith(part)) ?? [];
  if (findings.length > 0) throw new ChannelIsInvalid(findings);
}
