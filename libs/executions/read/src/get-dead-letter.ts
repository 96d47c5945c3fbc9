import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import type { DeadLetterQuery } from '@sluice/contracts';
import { DomainError } from '@sluice/kernel';
import { ReadStore } from '@sluice/platform-projections';
import type { DeadLetterRow } from './dead-letter.projection.js';
import { deadLetterColumns, deadLetterOf } from './dead-letter-row.js';

export class DeadLetterUnknown extends DomainError {
  constructor(id: string) {
    super('not_found', 'dead_letter_not_found', `There is no dead letter ${id}.`);
  }
}

export class GetDeadLetter extends Query<DeadLetterQuery> {
  constructor(
    readonly tenantId: string,
    readonly deadLetterId: string,
  ) {
    super();
  }
}

@QueryHandler(GetDeadLetter)
export class GetDeadLetterHandler implements IQueryHandler<GetDeadLetter> {
  constructor(private readonly store: ReadStore) {}

  execute({ tenantId, deadLetterId }: GetDeadLetter): Promise<DeadLetterQuery> {
    return this.store.read(tenantId, async (client) => {
      const { rows } = await client.query<DeadLetterRow>(
        `SELECT ${deadLetterColumns} FROM dead_letters l WHERE l.tenant_id = $1 AND l.id = $2`,
        [tenantId, deadLetterId],
      );
      const [row] = rows;
      if (row === undefined) throw new DeadLetterUnknown(deadLetterId);
      return deadLetterOf(row);
    });
  }
}
