export { projectorFeatures } from './features.js';
