import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import type { BlobQuery } from '@sluice/contracts';
import { DomainError, type Json } from '@sluice/kernel';
import { type ReadClient, ReadStore } from '@sluice/platform-projections';

export class BlobNotFound extends DomainError {
  constructor(sha256: string) {
    super('not_found', 'blob_not_found', `There is no value with the hash ${sha256}.`);
  }
}

export class GetBlob extends Query<BlobQuery> {
  constructor(
    readonly tenantId: string,
    readonly sha256: string,
  ) {
    super();
  }
}

/** A value that is too large to stand where it belongs: there stands `{"$blob": {"sha256", "bytes"}}`. */
@QueryHandler(GetBlob)
export class GetBlobHandler implements IQueryHandler<GetBlob> {
  constructor(private readonly store: ReadStore) {}

  execute({ tenantId, sha256 }: GetBlob): Promise<BlobQuery> {
    return this.store.read(tenantId, async (client) => {
      const value = /^[0-9a-f]{64}$/.test(sha256) ? await readBlob(client, tenantId, sha256) : undefined;
      if (value === undefined) throw new BlobNotFound(sha256);
      return { sha256, value };
    });
  }
}

export async function readBlob(client: ReadClient, tenantId: string, sha256: string): Promise<Json | undefined> {
  const { rows } = await client.query<{ bytes: Buffer }>('SELECT bytes FROM blobs WHERE tenant_id = $1 AND sha256 = $2', [
    tenantId,
    Buffer.from(sha256, 'hex'),
  ]);
  return rows[0] === undefined ? undefined : JSON.parse(rows[0].bytes.toString());
}
