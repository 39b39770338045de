# shellcheck shell=bash
# cluster.sh: throw-away clusters in the stage's folder, reached by unix socket.
#
# Sourced after stage.sh and stage_open.
#
#	cluster_start NAME [setting=value …]	initdb, start; sets PGHOST, PGPORT, PGUSER, PGDATABASE
#	cluster_stop NAME
#	cluster_psql ARGUMENTS…		psql of the private tree: no ~/.psqlrc, stops at the first error
#
# Trust authentication, locale C, UTF-8, no TCP.  Nothing here survives a power cut (fsync is off).

# Makes and starts a cluster; the caller's environment then points to it.
cluster_start()
{
	local data=$STAGE/data/$1 setting
	shift

	stage_run "$STAGE_BIN/initdb" -D "$data" -U postgres -A trust -E UTF8 --locale=C -N \
		--no-instructions >"$STAGE/initdb.log" 2>&1 ||
		{ cat "$STAGE/initdb.log" >&2; return 1; }
	{
		echo "listen_addresses = ''"
		echo "unix_socket_directories = '$STAGE'"
		echo "unix_socket_permissions = 0700"
		echo "fsync = off"
		echo "max_connections = 50"
		echo "log_line_prefix = '%m [%p] %q%a '"
		for setting in "$@"; do
			echo "${setting%%=*} = '${setting#*=}'"
		done
	} | stage_run tee -a "$data/postgresql.conf" >/dev/null
	stage_run "$STAGE_BIN/pg_ctl" -D "$data" -l "$data/log" -w -t 60 start >/dev/null 2>&1 ||
		{ cat "$data/log" >&2; return 1; }
	export PGHOST=$STAGE PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
}

# Stops a cluster that cluster_start made.
cluster_stop()
{
	stage_run "$STAGE_BIN/pg_ctl" -D "$STAGE/data/$1" -m fast -w stop >/dev/null
}

# Runs the private tree's psql.
cluster_psql()
{
	"$STAGE_BIN/psql" -X -q -v ON_ERROR_STOP=1 "$@"
}
