import { ApiPropertyOptional } from '@nestjs/swagger';
import { Page, type PageOf } from '@sluice/platform-http';
import { IsOptional, IsString, Matches, MaxLength } from 'class-validator';

/** Which part of a list: a page by its number, or what follows a cursor. The query classes of lists extend it. */
export class ListPage extends Page {
  @ApiPropertyOptional({
    description: 'The nextCursor of an answer to the same question: what follows it, however much was added meanwhile. It replaces `page`',
  })
  @IsOptional()
  @IsString()
  @MaxLength(1_000)
  @Matches(/^[\w-]+$/, { message: 'cursor must be a nextCursor as it was given' })
  cursor?: string;
}

/** A part of a list. Which page of how many is said where a page was asked for: behind a cursor nothing is counted. */
export interface ListAnswer<Item> extends Pick<PageOf<Item>, 'items' | 'limit'>, Partial<Pick<PageOf<Item>, 'page' | 'total'>> {
  /** null: there is no more */
  readonly nextCursor: string | null;
}

export const mapItems = <Row, Item>(answer: ListAnswer<Row>, of: (row: Row) => Item): ListAnswer<Item> => ({
  ...answer,
  items: answer.items.map(of),
});
