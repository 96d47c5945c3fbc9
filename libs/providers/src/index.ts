export type {
  CanonicalEvent,
  ChannelIdentity,
  ChannelSecrets,
  HandshakeAnswer,
  ProviderAdapter,
  ProviderRequest,
  RejectionReason,
  Verification,
} from './adapter.js';
