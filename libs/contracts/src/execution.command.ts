import { ApiProperty } from '@nestjs/swagger';

export class ExecutionCancelledResult {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ enum: ['cancelled'] })
  status: 'cancelled';
}
