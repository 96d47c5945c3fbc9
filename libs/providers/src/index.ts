export type {
  CanonicalEvent,
  Channel,
  ChannelDraft,
  ChannelSecrets,
  HandshakeAnswer,
  ProviderAdapter,
  ProviderAnswer,
  ProviderRequest,
  RejectionReason,
  SampleCall,
  Verification,
} from './adapter.js';
export { isForm } from './forms.js';
export { type HostileBody, type HostileReason, hostileEvent, isPlain, type ParsedBody, parseBody } from './hostile.js';
export type { ApiAccount, ApiAnswer, ApiOutcome, ApiRefusal, ApiRequest, ProviderApi, RefreshedToken } from './provider-api.js';
export { providerNamed, providers } from './registry.js';
export { bodyWithoutSecrets, withoutSecrets } from './secret-members.js';
