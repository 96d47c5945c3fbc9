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
export { type EncryptionKey, open, seal, type Sealed } from './sealing.js';
