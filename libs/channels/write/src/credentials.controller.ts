import { Body, Controller, Delete, HttpCode, Param, ParseUUIDPipe, Post } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiBody, ApiCreatedResponse, ApiNoContentResponse, ApiTags } from '@nestjs/swagger';
import type { HttpSecret } from '@sluice/channels-domain';
import { CredentialCommand, CredentialCreatedResult } from '@sluice/contracts';
import { Allow, Caller } from '@sluice/platform-http';
import { CreateHttpCredential } from './create-http-credential.js';
import { DeleteHttpCredential } from './delete-http-credential.js';

const shop = { name: 'Shop', allowedHosts: ['api.example.com'] };
const examples = {
  bearer: { value: { ...shop, type: 'bearer', token: 'a-token-of-the-shop' } },
  basic: { value: { ...shop, type: 'basic', username: 'ada', password: 'a-password-of-ada' } },
  header: { value: { ...shop, type: 'header', headerName: 'X-Api-Key', value: 'a-key-of-the-shop' } },
};

@ApiTags('credentials')
@Controller('api/credentials')
export class CredentialsController {
  constructor(private readonly commands: CommandBus) {}

  @Post()
  @Allow('admin')
  @ApiBody({ type: CredentialCommand, examples })
  @ApiCreatedResponse({ type: CredentialCreatedResult })
  create(@Caller() { tenantId, userId }: Caller, @Body() body: CredentialCommand): Promise<CredentialCreatedResult> {
    return this.commands.execute(new CreateHttpCredential(tenantId, body.name, secretOf(body), body.allowedHosts, userId));
  }

  @Delete(':id')
  @HttpCode(204)
  @Allow('admin')
  @ApiNoContentResponse()
  delete(@Caller() { tenantId, userId }: Caller, @Param('id', ParseUUIDPipe) id: string): Promise<void> {
    return this.commands.execute(new DeleteHttpCredential(tenantId, id.toLowerCase(), userId));
  }
}

/** Validation has seen to it that what the type needs is there. */
function secretOf({ type, token = '', username = '', password = '', headerName = '', value = '' }: CredentialCommand): HttpSecret {
  switch (type) {
    case 'bearer':
      return { type, token };
    case 'basic':
      return { type, username, password };
    case 'header':
      return { type, headerName: headerName.toLowerCase(), value };
  }
}
