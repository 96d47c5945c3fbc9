export { queryApiFeatures } from './features.js';
