export { commandApiEntities, commandApiFeatures } from './features.js';
