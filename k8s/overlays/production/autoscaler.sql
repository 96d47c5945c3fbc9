-- The autoscaler's login sees when each waiting task may run, of all tenants, and nothing else. For psql on the command store, after the
-- first migration, as a superuser; again to change the password.
\set ON_ERROR_STOP on
\getenv autoscaler_password AUTOSCALER_DB_PASSWORD

DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'sluice_login_autoscaler') THEN
    CREATE ROLE sluice_login_autoscaler LOGIN NOINHERIT CONNECTION LIMIT 5;
  END IF;
END $$;
ALTER ROLE sluice_login_autoscaler PASSWORD :'autoscaler_password';
ALTER ROLE sluice_login_autoscaler SET default_transaction_read_only = on;
ALTER ROLE sluice_login_autoscaler SET statement_timeout = '5s';
GRANT CONNECT ON DATABASE sluice_command TO sluice_login_autoscaler;

SET ROLE sluice_owner;
GRANT SELECT (status, run_after) ON tasks TO sluice_login_autoscaler;
DROP POLICY IF EXISTS autoscaler ON tasks;
CREATE POLICY autoscaler ON tasks FOR SELECT TO sluice_login_autoscaler USING (true);
