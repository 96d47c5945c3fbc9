import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';

export interface OpenApiOptions {
  readonly title: string;
  readonly description: string;
}

/** The page at `/api/docs`, the document at `/api/docs-json`. */
export function serveOpenApi(app: NestFastifyApplication, { title, description }: OpenApiOptions): void {
  const builder = new DocumentBuilder().setTitle(title).setDescription(description).setVersion('1').addBearerAuth();
  SwaggerModule.setup('api/docs', app, () => SwaggerModule.createDocument(app, builder.build()), { jsonDocumentUrl: 'api/docs-json' });
}
