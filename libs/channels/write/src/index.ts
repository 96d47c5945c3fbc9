export { ChannelEncryption } from './channel-encryption.js';
export { channelTable } from './channel.table.js';
export { ChannelsWriteModule } from './channels-write.module.js';
export { ChannelDependants } from './delete-channel.js';
export { type OpenChannel, readChannel } from './read-channel.js';
