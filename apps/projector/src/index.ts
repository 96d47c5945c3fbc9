export { readConfig } from './config.js';
export { createApp } from './create-app.js';
export { projectorFeatures } from './features.js';
