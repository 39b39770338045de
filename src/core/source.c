/*-------------------------------------------------------------------------
 *
 * source.c
 *	  Resolves what a user names as a source of rows: a relation or one SELECT.
 *
 * Everything is looked up and checked as the current user.  A query is kept as
 * its analysed tree, so that what is scanned is what was resolved even when the
 * search_path changes in between; its text form is for people and for storing.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/parsenodes.h"
#include "parser/analyze.h"
#include "parser/parser.h"
#include "parser/scansup.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/ruleutils.h"
#include "utils/timestamp.h"

#include "compat/compat.h"
#include "core/options.h"
#include "core/pin.h"
#include "core/source.h"

#define SOURCE_HINT "A source is the name of a table or view, or one SELECT."

/* Says whether a byte may stand in an unquoted identifier. */
static bool
source_is_name_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		c == '_' || c == '$' || IS_HIGHBIT_SET(c);
}

/* Moves past white space. */
static const char *
source_skip_space(const char *s)
{
	while (scanner_isspace(*s))
		s++;
	return s;
}

/* Moves past one identifier, quoted or not; NULL when there is none. */
static const char *
source_skip_name(const char *s)
{
	if (*s != '"')
	{
		const char *start = s;

		while (source_is_name_byte(*s))
			s++;
		return s > start ? s : NULL;
	}
	for (s++; *s != '\0'; s++)
	{
		if (*s != '"')
			continue;
		if (s[1] != '"')
			return s + 1;
		s++;
	}
	return NULL;
}

/* Says whether the text has the form of a relation name: identifiers joined by dots. */
static bool
source_looks_like_name(const char *text)
{
	const char *s = source_skip_space(text);

	for (;;)
	{
		s = source_skip_name(s);
		if (s == NULL)
			return false;
		s = source_skip_space(s);
		if (*s == '\0')
			return true;
		if (*s != '.')
			return false;
		s = source_skip_space(s + 1);
	}
}

/* Turns a cursor position inside the source into one of an inner query, so that psql points at the right text. */
static void
source_error_callback(void *arg)
{
	const char *text = arg;
	int			position = geterrposition();

	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery(text);
	}
	errcontext("aipipe source");
}

/* Raises an error about a text that is no source. */
static void
source_refuse(const char *message)
{
	ereport(ERROR,
			(errcode(ERRCODE_SYNTAX_ERROR),
			 errmsg("%s", message),
			 errhint(SOURCE_HINT)));
}

/* Refuses a row type with two columns of one name: columns are found by name. */
static void
source_check_names(TupleDesc desc)
{
	for (int i = 1; i < desc->natts; i++)
	{
		const char *name = NameStr(TupleDescAttr(desc, i)->attname);

		if (source_column(desc, name) != i + 1)
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_COLUMN),
					 errmsg("column name \"%s\" appears more than once in the source", name),
					 errhint("Give every column a name of its own with AS.")));
	}
}

/* Analyses the query as the current user and fills tree and desc. */
static void
source_analyse(Source *source, const char *query)
{
	ErrorContextCallback callback;
	List	   *parsed;
	RawStmt    *raw;
	Query	   *tree;

	callback.callback = source_error_callback;
	callback.arg = (void *) query;
	callback.previous = error_context_stack;
	error_context_stack = &callback;

	parsed = raw_parser(query, RAW_PARSE_DEFAULT);
	if (parsed == NIL)
		source_refuse("source is empty");
	if (list_length(parsed) > 1)
		source_refuse("source has more than one statement");
	raw = linitial_node(RawStmt, parsed);
	if (!IsA(raw->stmt, SelectStmt))
		source_refuse("source is neither a relation name nor a SELECT");

	tree = parse_analyze_fixedparams(raw, query, NULL, 0, NULL);
	if (tree->commandType != CMD_SELECT || tree->utilityStmt != NULL)
		source_refuse("source must not be SELECT INTO");
	if (tree->hasModifyingCTE)
		source_refuse("source must not modify data");
	if (tree->hasForUpdate)
		source_refuse("source must not lock rows");

	source->tree = tree;
	source->desc = ExecCleanTypeFromTL(tree->targetList);
	source_check_names(source->desc);
	error_context_stack = callback.previous;
}

/* Gives the text of the analysed query with every name outside pg_catalog qualified. */
static char *
source_deparse(Query *tree)
{
	int			guc_level = NewGUCNestLevel();
	char	   *text;

	compat_restrict_search_path();
	text = pg_get_querydef(copyObject(tree), false);
	AtEOXact_GUC(false, guc_level);
	return unconstify(char *, source_skip_space(text));
}

/* Raises the error of a relation that has no rows to read. */
static void
source_wrong_kind(Relation rel)
{
	const char *kind = "not a table or view";

	switch (rel->rd_rel->relkind)
	{
		case RELKIND_INDEX:
		case RELKIND_PARTITIONED_INDEX:
			kind = "an index";
			break;
		case RELKIND_SEQUENCE:
			kind = "a sequence";
			break;
		case RELKIND_COMPOSITE_TYPE:
			kind = "a composite type";
			break;
		case RELKIND_TOASTVALUE:
			kind = "a TOAST table";
			break;
	}
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("\"%s\" is %s", RelationGetRelationName(rel), kind),
			 errhint(SOURCE_HINT)));
}

/* Checks that this kind of relation can be read and that its rows can be reached. */
static void
source_check_relation(Relation rel)
{
	switch (rel->rd_rel->relkind)
	{
		case RELKIND_RELATION:
		case RELKIND_MATVIEW:
		case RELKIND_PARTITIONED_TABLE:
		case RELKIND_VIEW:
		case RELKIND_FOREIGN_TABLE:
			break;
		default:
			source_wrong_kind(rel);
	}
	if (RELATION_IS_OTHER_TEMP(rel))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot read temporary table \"%s\" of another session",
						RelationGetRelationName(rel))));
	if (!RelationIsPopulated(rel))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("materialized view \"%s\" has not been populated", RelationGetRelationName(rel)),
				 errhint("Use the REFRESH MATERIALIZED VIEW command.")));
}

/* Gives the word for a readable relation, as the server's own messages have it. */
static const char *
source_kind_word(Relation rel)
{
	switch (rel->rd_rel->relkind)
	{
		case RELKIND_VIEW:
			return "view";
		case RELKIND_MATVIEW:
			return "materialized view";
		case RELKIND_FOREIGN_TABLE:
			return "foreign table";
		default:
			return "table";
	}
}

/* Checks that the current user may read every column of the relation. */
static void
source_check_rights(Relation rel)
{
	Oid			relid = RelationGetRelid(rel);
	Oid			user = GetUserId();

	if (pg_class_aclcheck(relid, user, ACL_SELECT) == ACLCHECK_OK ||
		pg_attribute_aclcheck_all(relid, user, ACL_SELECT, ACLMASK_ALL) == ACLCHECK_OK)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied for %s %s", source_kind_word(rel), RelationGetRelationName(rel)),
			 pg_attribute_aclcheck_all(relid, user, ACL_SELECT, ACLMASK_ANY) == ACLCHECK_OK
			 ? errhint("Some of its columns may be read: name them in a SELECT.") : 0));
}

/* Says whether scanning the table itself gives the rows that a SELECT by the current user would. */
static bool
source_is_direct(Relation rel)
{
	char		kind = rel->rd_rel->relkind;

	return (kind == RELKIND_RELATION || kind == RELKIND_MATVIEW) &&
		rel->rd_tableam != NULL &&
		!compat_has_virtual_columns(RelationGetDescr(rel)) &&
		!has_subclass(RelationGetRelid(rel)) &&
		check_enable_rls(RelationGetRelid(rel), InvalidOid, true) == RLS_NONE;
}

/* Fills the source from an open relation; the caller may close it after. */
static void
source_fill(Source *source, Relation rel)
{
	source_check_relation(rel);
	source_check_rights(rel);
	source->relid = RelationGetRelid(rel);
	source->direct = source_is_direct(rel);
	source->resolved = quote_qualified_identifier(get_namespace_name_or_temp(RelationGetNamespace(rel)),
												  RelationGetRelationName(rel));
	source->query = psprintf("SELECT * FROM %s", source->resolved);
	if (source->direct)
		source->desc = CreateTupleDescCopyConstr(RelationGetDescr(rel));
}

/* Fills the source from the relation's name. */
static void
source_resolve_relation(Source *source)
{
	RangeVar   *range = makeRangeVarFromNameList(compat_string_to_names(source->text));
	Oid			relid = RangeVarGetRelid(range, AccessShareLock, true);
	Relation	rel;

	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"%s\" does not exist", NameListToString(compat_string_to_names(source->text))),
				 errhint(SOURCE_HINT)));

	rel = relation_open(relid, NoLock);
	source_fill(source, rel);
	relation_close(rel, NoLock);

	if (!source->direct)
		source_analyse(source, source->query);
}

/* Resolves and checks a relation by its OID as the current user. */
Source *
source_of_relation(Oid relid)
{
	Source	   *source = palloc0(sizeof(Source));
	Relation	rel = try_relation_open(relid, AccessShareLock);

	if (rel == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relid),
				 errhint(SOURCE_HINT)));
	source_fill(source, rel);
	source->text = source->resolved;
	relation_close(rel, NoLock);

	if (!source->direct)
		source_analyse(source, source->query);
	return source;
}

/* Gives a table as a source that is scanned itself; whoever calls it has seen to the rights. */
Source *
source_of_table(Oid relid)
{
	Source	   *source = palloc0(sizeof(Source));
	Relation	rel = relation_open(relid, AccessShareLock);

	source->relid = relid;
	source->direct = true;
	source->desc = CreateTupleDescCopyConstr(RelationGetDescr(rel));
	source->resolved = quote_qualified_identifier(get_namespace_name_or_temp(RelationGetNamespace(rel)),
												  RelationGetRelationName(rel));
	source->text = source->resolved;
	source->query = psprintf("SELECT * FROM ONLY %s", source->resolved);
	relation_close(rel, NoLock);
	return source;
}

/* Says whether a member of a tree of tables has rows of its own to scan; sets *scannable to false where only a query reads them. */
static bool
source_is_part(Oid relid, bool *scannable)
{
	Relation	rel = relation_open(relid, NoLock);
	bool		part = rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE && !RELATION_IS_OTHER_TEMP(rel);

	if (part)
		*scannable = rel->rd_rel->relkind == RELKIND_RELATION && rel->rd_tableam != NULL &&
			!compat_has_virtual_columns(RelationGetDescr(rel));
	relation_close(rel, NoLock);
	return part;
}

/* Gives the tables whose own scans give the source's rows, or NIL; rights and row security are the named table's, as for a SELECT. */
List *
source_parts(Source *source)
{
	List	   *parts = NIL;
	ListCell   *cell;
	char		kind;

	if (source->direct)
		return list_make1(source);
	if (!OidIsValid(source->relid))
		return NIL;
	kind = get_rel_relkind(source->relid);
	if ((kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE) ||
		check_enable_rls(source->relid, InvalidOid, true) != RLS_NONE)
		return NIL;
	foreach(cell, find_all_inheritors(source->relid, AccessShareLock, NULL))
	{
		bool		scannable = true;

		if (!source_is_part(lfirst_oid(cell), &scannable))
			continue;
		if (!scannable)
			return NIL;
		parts = lappend(parts, source_of_table(lfirst_oid(cell)));
	}
	return parts;
}

/* Resolves and checks the source as the current user; every failure is an error that says why. */
Source *
source_resolve(const char *text)
{
	Source	   *source = palloc0(sizeof(Source));

	source->text = pstrdup(text);
	if (*source_skip_space(text) == '\0')
		source_refuse("source is empty");
	if (source_looks_like_name(text))
		source_resolve_relation(source);
	else
	{
		source_analyse(source, source->text);
		source->resolved = source_deparse(source->tree);
		source->query = source->resolved;
	}
	return source;
}

/* Appends a condition on the column's time; the text means the same whatever the session's settings are. */
static void
source_append_bound(StringInfo out, const char *column, const char *comparison, TimestampTz bound)
{
	int			level = pin_begin(PIN_DATES | PIN_ZONE);
	char	   *text = DatumGetCString(DirectFunctionCall1(timestamptz_out, TimestampTzGetDatum(bound)));

	pin_end(level);
	appendStringInfo(out, " AND s.%s OPERATOR(pg_catalog.%s) %s::pg_catalog.timestamptz", column, comparison,
					 quote_literal_cstr(text));
}

/*
 * Gives the source's rows of a span of time, in its order.  The resolved text is
 * wrapped, which means the same as the caller's under the search_path that it was
 * written for.
 */
Source *
source_by_time(const Source *source, AttrNumber attno, TimestampTz start, TimestampTz end)
{
	Source	   *part = palloc0(sizeof(Source));
	const char *column = quote_identifier(NameStr(TupleDescAttr(source->desc, attno - 1)->attname));
	StringInfoData text;
	int			guc_level;

	initStringInfo(&text);
	appendStringInfo(&text, "SELECT s.* FROM (%s) AS s WHERE true", source->query);
	if (!TIMESTAMP_IS_NOBEGIN(start))
		source_append_bound(&text, column, ">=", start);
	if (!TIMESTAMP_IS_NOEND(end))
		source_append_bound(&text, column, "<", end);
	appendStringInfo(&text, " ORDER BY s.%s", column);
	part->text = source->text;
	part->resolved = source->resolved;
	part->query = text.data;
	guc_level = NewGUCNestLevel();
	compat_restrict_search_path();
	source_analyse(part, part->query);
	AtEOXact_GUC(false, guc_level);
	return part;
}

/* Gives a column's attribute number by exact name; dropped columns never match. */
AttrNumber
source_column(TupleDesc desc, const char *name)
{
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attr = TupleDescAttr(desc, i);

		if (!attr->attisdropped && strcmp(NameStr(attr->attname), name) == 0)
			return i + 1;
	}
	return InvalidAttrNumber;
}

/* Finds a column by exact name, or ends with an error that says what lacks it. */
AttrNumber
source_need_column(TupleDesc desc, const char *name, const char *what)
{
	AttrNumber	attno = source_column(desc, name);

	if (attno == InvalidAttrNumber)
		source_no_column(name, what, desc);
	return attno;
}

/* Raises error 42703 that names the column, what lacks it, and the nearest column. */
void
source_no_column(const char *column, const char *what, TupleDesc desc)
{
	const char **names = palloc(sizeof(char *) * Max(desc->natts, 1));
	const char *nearest;
	int			nnames = 0;

	for (int i = 0; i < desc->natts; i++)
		if (!TupleDescAttr(desc, i)->attisdropped)
			names[nnames++] = NameStr(TupleDescAttr(desc, i)->attname);
	nearest = options_nearest(column, names, nnames);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("column \"%s\" does not exist in %s", column, what),
			 nearest ? errhint("Perhaps you meant \"%s\".", nearest) : 0));
}
