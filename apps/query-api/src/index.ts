export { readConfig } from './config.js';
export { createApp } from './create-app.js';
export { queryApiFeatures } from './features.js';
