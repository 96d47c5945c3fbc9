import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import { ApiPropertyOptional } from '@nestjs/swagger';
import { type ApiKeyPage, type ApiKeyQuery, apiKeyStatuses } from '@sluice/contracts';
import { ListPage, newestFirst, Parameters, ReadStore, selectList } from '@sluice/platform-projections';
import { IsIn, IsOptional } from 'class-validator';
import { apiKeyDirectory } from './api-key-directory.projection.js';

export class ApiKeyFilter extends ListPage {
  @ApiPropertyOptional({ enum: apiKeyStatuses, description: 'Without it: all but the revoked ones' })
  @IsOptional()
  @IsIn(apiKeyStatuses)
  status?: (typeof apiKeyStatuses)[number];
}

export class ListApiKeys extends Query<ApiKeyPage> {
  constructor(
    readonly tenantId: string,
    readonly filter: ApiKeyFilter,
  ) {
    super();
  }
}

const columns = selectList(apiKeyDirectory, 's', ['id', 'name', 'role', 'prefix', 'expiresAt', 'revokedAt', 'createdBy', 'createdAt']);
const statusOfKey = `CASE WHEN s.revoked_at IS NOT NULL THEN 'revoked' WHEN s.expires_at <= now() THEN 'expired' ELSE 'active' END`;

@QueryHandler(ListApiKeys)
export class ListApiKeysHandler implements IQueryHandler<ListApiKeys> {
  constructor(private readonly store: ReadStore) {}

  execute({ tenantId, filter }: ListApiKeys): Promise<ApiKeyPage> {
    const parameters = new Parameters();
    const where = [
      `s.tenant_id = ${parameters.of(tenantId)}`,
      filter.status === undefined ? 's.revoked_at IS NULL' : `${statusOfKey} = ${parameters.of(filter.status)}`,
    ];
    return this.store.read(tenantId, (client) =>
      this.store.list<ApiKeyQuery>(client, {
        name: 'api-keys',
        tenantId,
        filter,
        select: `${columns}, ${statusOfKey} AS status`,
        from: 'api_key_directory s',
        where,
        order: newestFirst('s.created_at', 'createdAt'),
        parameters,
      }),
    );
  }
}
