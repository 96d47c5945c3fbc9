export { FairQueue } from './fair-queue.js';
export { type Claimant, mayTake, shareOut } from './window.js';
