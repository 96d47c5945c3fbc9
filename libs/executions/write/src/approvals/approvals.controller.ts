import { randomBytes } from 'node:crypto';
import { Body, Controller, Get, Header, HttpCode, Param, Post, Res } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiAcceptedResponse, ApiExcludeEndpoint, ApiTags } from '@nestjs/swagger';
import { ApprovalCommand, ApprovalResult } from '@sluice/contracts';
import { DomainError } from '@sluice/kernel';
import { CommandStore } from '@sluice/platform-event-log';
import { Public } from '@sluice/platform-http';
import type { FastifyReply } from 'fastify';
import { approvalPage } from './approval-page.js';
import { DecideApproval } from './decide-approval.js';
import { ApprovalNotFound, type ApprovalState, assertSigned, placeIn, stateOf } from './open-approval.js';

class ApprovalsAreTooMany extends DomainError {
  constructor() {
    super('too_many', 'approvals_too_many', 'Too many approvals are asked for at this moment.', { retryAfterSeconds: 1 });
  }
}

/** Nobody has to log in here, so that links of strangers must not take the database from the others. */
const atATimeMax = 4;

/** Signed links: whoever has one sees what is asked, and decides. */
@ApiTags('approvals')
@Controller('api/approvals')
@Public()
export class ApprovalsController {
  private underWay = 0;

  constructor(
    private readonly commands: CommandBus,
    private readonly store: CommandStore,
  ) {}

  @Get(':token')
  @ApiExcludeEndpoint()
  @Header('cache-control', 'no-store')
  @Header('referrer-policy', 'no-referrer')
  async page(@Param('token') token: string, @Res() reply: FastifyReply): Promise<void> {
    const state = await this.bounded(() => this.look(token));
    const nonce = randomBytes(16).toString('base64');
    const policy = `default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'`;
    await reply
      .code(state === undefined ? 404 : 200)
      .header('content-security-policy', policy)
      .type('text/html; charset=utf-8')
      .send(approvalPage(state, nonce));
  }

  @Post(':token')
  @HttpCode(202)
  @ApiAcceptedResponse({ type: ApprovalResult })
  decide(@Param('token') token: string, @Body() { decision, comment, by }: ApprovalCommand): Promise<ApprovalResult> {
    return this.bounded(() => this.commands.execute(new DecideApproval(token, { decision, comment: comment ?? null, by: by ?? null })));
  }

  private async look(token: string): Promise<ApprovalState | undefined> {
    try {
      const place = placeIn(token);
      return await this.store.read(place.tenantId, async (manager) => {
        await assertSigned(manager, token, place);
        return stateOf(manager, place);
      });
    } catch (error) {
      // People get a page, too.
      if (error instanceof ApprovalNotFound) return undefined;
      throw error;
    }
  }

  private async bounded<T>(work: () => Promise<T>): Promise<T> {
    if (this.underWay >= atATimeMax) throw new ApprovalsAreTooMany();
    this.underWay += 1;
    try {
      return await work();
    } finally {
      this.underWay -= 1;
    }
  }
}
