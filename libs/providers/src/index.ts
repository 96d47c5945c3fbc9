export type {
  CanonicalEvent,
  Channel,
  ChannelSecrets,
  HandshakeAnswer,
  ProviderAdapter,
  ProviderAnswer,
  ProviderRequest,
  RejectionReason,
  SampleCall,
  Verification,
} from './adapter.js';
export { type HostileBody, type HostileReason, hostileEvent, type ParsedBody, parseBody } from './hostile.js';
export { providerNamed, providers } from './registry.js';
