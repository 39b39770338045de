-- aipipe: complain if this script is fed to psql instead of CREATE/ALTER EXTENSION.
\echo Use "CREATE EXTENSION aipipe" (or "ALTER EXTENSION aipipe UPDATE") to load this file. \quit

