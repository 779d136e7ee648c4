-- Run once by an administrator where the login that migrates may not create roles.
-- quire_app: what the application runs as; row-level security holds it. quire_lookup: owns the few functions that may
-- look across tenants for ids. quire_owner: owns the tables and migrates. Give the two logins passwords of your own.
CREATE ROLE quire_owner LOGIN NOSUPERUSER NOBYPASSRLS;
CREATE ROLE quire_app LOGIN NOSUPERUSER NOBYPASSRLS;
CREATE ROLE quire_lookup NOLOGIN NOSUPERUSER NOBYPASSRLS;
GRANT quire_app, quire_lookup TO quire_owner WITH SET TRUE;
-- In the database itself, since only a superuser may create it:
CREATE EXTENSION IF NOT EXISTS vector;
