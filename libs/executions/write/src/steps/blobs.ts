import { Injectable } from '@nestjs/common';
import { type Blob, blobIn, type BlobReference, isJsonObject, isLargerThan, type Json, type Kept, stored } from '@sluice/kernel';
import { NodeFailure } from '@sluice/nodes';
import { ServiceDatabase } from '@sluice/platform-database';
import type { PoolClient } from 'pg';

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

/** A value with what stands for large ones replaced, one after the other; what is not there is taken for what it says. */
export function withBlobs(value: Json, read: (reference: BlobReference) => Promise<Json | undefined>): Json | Promise<Json> {
  return refersToBlob(value, membersMax) ? replaced(value, membersMax, read) : value;
}

async function replaced(value: Json, levels: number, read: Parameters<typeof withBlobs>[1]): Promise<Json> {
  const reference = blobIn(value);
  if (reference !== undefined) return (await read(reference)) ?? value;
  if (!refersToBlob(value, levels) || !isJsonObject(value)) return value;
  const members: [string, Json][] = [];
  for (const [name, member] of Object.entries(value)) members.push([name, await replaced(member, levels - 1, read)]);
  return Object.fromEntries(members);
}

/** `bytes`: how long its JSON is */
interface Found {
  readonly value: Json;
  readonly bytes: number;
}

export async function readBlob(client: Pick<PoolClient, 'query'>, tenantId: string, { sha256 }: BlobReference): Promise<Found | undefined> {
  const {
    rows: [row],
  } = await client.query<{ bytes: Buffer }>({
    name: 'read-blob',
    text: 'SELECT bytes FROM blobs WHERE tenant_id = $1 AND sha256 = $2',
    values: [tenantId, Buffer.from(sha256, 'hex')],
  });
  return row === undefined ? undefined : { value: JSON.parse(row.bytes.toString()), bytes: row.bytes.length };
}

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
  private readonly kept = new Map<string, Found>();
  private keptBytes = 0;

  constructor(private readonly database: ServiceDatabase) {}

  remember(tenantId: string, { sha256, bytes }: Blob): void {
    this.add(`${tenantId}/${sha256}`, JSON.parse(bytes.toString()), bytes.length);
  }

  resolve(tenantId: string, value: Json): Json | Promise<Json> {
    return withBlobs(value, (reference) => this.read(tenantId, reference));
  }

  private async read(tenantId: string, reference: BlobReference): Promise<Json | undefined> {
    const key = `${tenantId}/${reference.sha256}`;
    const known = this.kept.get(key);
    if (known !== undefined) return known.value;
    const found = await readBlob(this.database.pool, tenantId, reference);
    if (found !== undefined) this.add(key, found.value, found.bytes);
    return found?.value;
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
