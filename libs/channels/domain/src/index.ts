export {
  type Channel,
  type ChannelCredentials,
  ChannelNotFound,
  type ChannelSettings,
  type ChannelStatus,
  connect,
  disconnect,
  evolve,
  hold,
  ProviderIsUnknown,
  release,
  rotateCredentials,
  unconnected,
} from './channel.js';
export { type ChannelConnected, type ChannelDisconnected, type ChannelEvent } from './channel-events.js';
export {
  createApp,
  deleteApp,
  evolveApp,
  type ProviderApp,
  type ProviderAppCredentials,
  ProviderAppNotFound,
  type ProviderAppSettings,
  uncreatedApp,
} from './provider-app.js';
export {
  createCredential,
  CredentialNotFound,
  deleteCredential,
  type HttpCredential,
  httpCredential,
  type HttpSecret,
} from './http-credential.js';
export { type EncryptionKey, open, seal, type Sealed } from './sealing.js';
