import type { Happening } from '../canonical-event.js';

/** What a call says by itself; the team comes from its surroundings. `key` is what follows the team. */
export type Said = Omit<Happening, 'accountId' | 'raw'>;
