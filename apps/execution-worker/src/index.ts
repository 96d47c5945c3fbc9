export { executionWorkerFeatures } from './features.js';
