import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { completeDocument } from './open-api-document.js';

export interface OpenApiOptions {
  readonly title: string;
  readonly description: string;
}

/** The page at `/api/docs`, the OpenAPI 3.1 document at `/api/docs-json`. */
export function serveOpenApi(app: NestFastifyApplication, options: OpenApiOptions): void {
  SwaggerModule.setup('api/docs', app, () => documentOf(app, options), { jsonDocumentUrl: 'api/docs-json' });
}

function documentOf(app: NestFastifyApplication, { title, description }: OpenApiOptions): OpenAPIObject {
  const config = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle(title)
    .setDescription(description)
    .setVersion('1')
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .addServer('/')
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'An API key, or a JWT of the configured issuer.' })
    .build();
  return completeDocument(SwaggerModule.createDocument(app, config, { operationIdFactory: (_controller, method) => method }));
}
