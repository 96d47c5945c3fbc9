export { readConfig } from './config.js';
export { createApp } from './create-app.js';
export { projectorFeatures, projections } from './features.js';
