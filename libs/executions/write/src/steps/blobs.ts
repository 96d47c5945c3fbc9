import { Injectable } from '@nestjs/common';
import { type Blob, blobIn, type BlobReference, isJsonObject, isLargerThan, type Json, type Kept, stored } from '@sluice/kernel';
import { NodeFailure } from '@sluice/nodes';
import { ServiceDatabase } from '@sluice/platform-database';

/** Nothing that a node puts out may be longer. */
const outputBytesMax = 8 * 1024 * 1024;
const keptBytesMax = 64 * 1024 * 1024;

/** A value as it is stored: itself, or what stands for it. Throws NodeFailure for one that is too large to keep. */
export function keep(value: Json): Kept {
  const kept = isLargerThan(outputBytesMax, value) ? undefined : stored(value);
  if (kept !== undefined && kept.bytes <= outputBytesMax) return kept;
  const message = `The output has over ${outputBytesMax} bytes, more than are kept. Select what is needed.`;
  throw new NodeFailure('output_too_large', message, { retryable: false });
}

/** How deep references lie: a join of events has them in members of its members. */
const membersMax = 2;

const refersToBlob = (value: Json, levels: number): boolean =>
  isJsonObject(value) &&
  (blobIn(value) !== undefined || (levels > 0 && Object.values(value).some((member) => refersToBlob(member, levels - 1))));

/** Where large values are found. */
export interface BlobSource {
  /** The value with what stands for large ones replaced, also in the members of an object and in theirs: joins are made of outputs, events of members. */
  resolve(tenantId: string, value: Json): Json | Promise<Json>;
  /** What is about to be written can be read from here on. */
  remember(tenantId: string, blob: Blob): void;
}

/** Large values by their hash, which never change: some are kept in memory. */
@Injectable()
export class Blobs implements BlobSource {
  private readonly kept = new Map<string, { readonly value: Json; readonly bytes: number }>();
  private keptBytes = 0;

  constructor(private readonly database: ServiceDatabase) {}

  remember(tenantId: string, { sha256, bytes }: Blob): void {
    this.add(`${tenantId}/${sha256}`, JSON.parse(bytes.toString()), bytes.length);
  }

  resolve(tenantId: string, value: Json): Json | Promise<Json> {
    return refersToBlob(value, membersMax) ? this.replaced(tenantId, value, membersMax) : value;
  }

  private async replaced(tenantId: string, value: Json, levels: number): Promise<Json> {
    const reference = blobIn(value);
    if (reference !== undefined) return this.read(tenantId, reference, value);
    if (!refersToBlob(value, levels) || !isJsonObject(value)) return value;
    const members = Object.entries(value).map(async ([name, member]) => [name, await this.replaced(tenantId, member, levels - 1)] as const);
    return Object.fromEntries(await Promise.all(members));
  }

  /** What is not there is taken for what it says. */
  private read(tenantId: string, { sha256 }: BlobReference, otherwise: Json): Json | Promise<Json> {
    const key = `${tenantId}/${sha256}`;
    const found = this.kept.get(key);
    if (found !== undefined) return found.value;
    return this.database.pool
      .query<{ bytes: Buffer }>({ name: 'read-blob', text: 'SELECT bytes FROM blobs WHERE tenant_id = $1 AND sha256 = $2' }, [
        tenantId,
        Buffer.from(sha256, 'hex'),
      ])
      .then(({ rows: [row] }) => {
        if (row === undefined) return otherwise;
        const value: Json = JSON.parse(row.bytes.toString());
        this.add(key, value, row.bytes.length);
        return value;
      });
  }

  private add(key: string, value: Json, bytes: number): void {
    const known = this.kept.get(key);
    this.kept.delete(key);
    this.kept.set(key, { value, bytes });
    if (known === undefined) this.keptBytes += bytes;
    for (const [oldest, entry] of this.kept) {
      if (this.keptBytes <= keptBytesMax || oldest === key) break;
      this.kept.delete(oldest);
      this.keptBytes -= entry.bytes;
    }
  }
}
