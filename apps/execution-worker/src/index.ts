export { readConfig } from './config.js';
export { createApp } from './create-app.js';
export { executionWorkerFeatures } from './features.js';
