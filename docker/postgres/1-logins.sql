-- The roles that the migrations grant to, and a login for each app: a member of its role and nothing else. For psql, as a superuser (or a login
-- with CREATEROLE), before the first migration; again to change passwords. Needs PostgreSQL 16 or newer.
\set ON_ERROR_STOP on
\getenv migrate_password MIGRATE_DB_PASSWORD
\getenv webhook_gateway_password WEBHOOK_GATEWAY_DB_PASSWORD
\getenv command_api_password COMMAND_API_DB_PASSWORD
\getenv execution_worker_password EXECUTION_WORKER_DB_PASSWORD
\getenv projector_password PROJECTOR_DB_PASSWORD
\getenv query_api_password QUERY_API_DB_PASSWORD

DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['sluice_owner', 'sluice_service', 'sluice_api', 'sluice_projector', 'sluice_read'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
      EXECUTE format('CREATE ROLE %I NOLOGIN NOINHERIT', name);
    END IF;
  END LOOP;
  FOREACH name IN ARRAY ARRAY['migrate', 'webhook_gateway', 'command_api', 'execution_worker', 'projector', 'query_api'] LOOP
    name := 'sluice_login_' || name;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
      EXECUTE format('CREATE ROLE %I LOGIN NOINHERIT', name);
    END IF;
  END LOOP;
END $$;

ALTER ROLE sluice_login_migrate PASSWORD :'migrate_password';
ALTER ROLE sluice_login_webhook_gateway PASSWORD :'webhook_gateway_password';
ALTER ROLE sluice_login_command_api PASSWORD :'command_api_password';
ALTER ROLE sluice_login_execution_worker PASSWORD :'execution_worker_password';
ALTER ROLE sluice_login_projector PASSWORD :'projector_password';
ALTER ROLE sluice_login_query_api PASSWORD :'query_api_password';

-- Migrations act as the owner of the tables and grant to the others.
GRANT sluice_owner, sluice_service, sluice_api, sluice_projector, sluice_read TO sluice_login_migrate;
GRANT sluice_service TO sluice_login_webhook_gateway, sluice_login_execution_worker;
GRANT sluice_api TO sluice_login_command_api;
GRANT sluice_projector TO sluice_login_projector;
GRANT sluice_read TO sluice_login_query_api;
