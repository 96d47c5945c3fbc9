export { readConfig } from './config.js';
export { createApp } from './create-app.js';
export { webhookGatewayFeatures } from './features.js';
