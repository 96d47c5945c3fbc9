import { createHash } from 'node:crypto';
import type { Delivery } from './tenant.ts';

/** acknowledged: 200; refused: another answer; unknown: no answer came. */
export type Acknowledgement = 'acknowledged' | 'refused' | 'unknown';

export interface Entry {
  readonly delivery: Delivery;
  readonly bodyHash: string;
  /** One per call, in order */
  readonly answers: { readonly acknowledgement: Acknowledgement; readonly status?: number; readonly sentAt: number; readonly ms: number }[];
}

/** What was sent and what came back, written before and after each call. The checker believes this, Postgres and the target, nothing else. */
export class Ledger {
  private readonly byMid = new Map<string, Entry>();

  entryOf(delivery: Delivery): Entry {
    let entry = this.byMid.get(delivery.mid);
    if (entry === undefined) {
      entry = { delivery, bodyHash: createHash('sha256').update(delivery.body).digest('hex'), answers: [] };
      this.byMid.set(delivery.mid, entry);
    }
    return entry;
  }

  get entries(): Entry[] {
    return [...this.byMid.values()];
  }

  /** Deliveries by the best answer that they had. */
  get counts(): Readonly<Record<Acknowledgement, number>> & { readonly calls: number } {
    const counts = { acknowledged: 0, refused: 0, unknown: 0, calls: 0 };
    for (const { answers } of this.byMid.values()) {
      counts.calls += answers.length;
      const kinds = answers.map(({ acknowledgement }) => acknowledgement);
      if (kinds.includes('acknowledged')) counts.acknowledged += 1;
      else if (kinds.includes('unknown')) counts.unknown += 1;
      else counts.refused += 1;
    }
    return counts;
  }

  /** How often each status other than 200 came. */
  get refusals(): Readonly<Record<string, number>> {
    const found: Record<string, number> = {};
    for (const { answers } of this.byMid.values()) {
      for (const { status, acknowledgement } of answers) {
        if (acknowledgement !== 'acknowledged') found[status ?? 'no answer'] = (found[status ?? 'no answer'] ?? 0) + 1;
      }
    }
    return found;
  }
}

export const isAcknowledged = ({ answers }: Entry): boolean => answers.some(({ acknowledgement }) => acknowledgement === 'acknowledged');
