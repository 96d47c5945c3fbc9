export { readConfig } from './config.js';
export { createApp } from './create-app.js';
export { commandApiEntities, commandApiFeatures } from './features.js';
