export { webhookGatewayFeatures } from './features.js';
