export { type Turn } from './pace.js';
export { Paces } from './paces.js';
export { RedisPaces } from './redis-paces.js';
export { type Limit, Rates, type Refusal } from './rates.js';
export { RatesModule } from './rates.module.js';
export { sourceOf } from './source-of.js';
