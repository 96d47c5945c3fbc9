export { ChannelEncryption } from './channel-encryption.js';
export { channelTable } from './channel.table.js';
export { ChannelsWriteModule } from './channels-write.module.js';
export { ChannelDependants } from './delete-channel.js';
export { knownHttpCredentials, readHttpCredential } from './http-credential.table.js';
export { providerAppTable } from './provider-app.table.js';
export { PUBLIC_URL } from './public-url.js';
export { readChannel } from './read-channel.js';
export { type OpenProviderApp, readProviderApp } from './read-provider-app.js';
