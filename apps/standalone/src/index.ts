export { type Standalone, startStandalone } from './start-standalone.js';
