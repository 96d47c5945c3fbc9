export {
  type Channel,
  type ChannelCredentials,
  ChannelNotFound,
  type ChannelSettings,
  connect,
  disconnect,
  evolve,
  ProviderIsUnknown,
  unconnected,
} from './channel.js';
export { type ChannelConnected, type ChannelDisconnected, type ChannelEvent } from './channel-events.js';
export { type EncryptionKey, open, seal, type Sealed } from './sealing.js';
