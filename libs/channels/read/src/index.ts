export { channelHealth } from './channel-health.projection.js';
export { channelSummary } from './channel-summary.projection.js';
export { ChannelsReadModule } from './channels-read.module.js';
export { findChannel } from './get-channel.js';
