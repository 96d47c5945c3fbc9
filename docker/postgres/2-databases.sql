-- Both stores on one server, reachable only by the logins that need them. For psql, once, after 1-logins.sql.
\set ON_ERROR_STOP on
CREATE DATABASE sluice_command OWNER sluice_login_migrate;
CREATE DATABASE sluice_query OWNER sluice_login_migrate;
REVOKE ALL ON DATABASE sluice_command, sluice_query FROM PUBLIC;
GRANT CONNECT ON DATABASE sluice_command
  TO sluice_login_webhook_gateway, sluice_login_command_api, sluice_login_execution_worker, sluice_login_projector;
GRANT CONNECT ON DATABASE sluice_query TO sluice_login_projector, sluice_login_query_api;
