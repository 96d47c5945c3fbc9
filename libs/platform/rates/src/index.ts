export { type Limit, Rates, type Refusal } from './rates.js';
export { RatesModule } from './rates.module.js';
export { sourceOf } from './source-of.js';
