export { type ChannelConnected, type ChannelDisconnected, type ChannelEvent } from './channel-events.js';
