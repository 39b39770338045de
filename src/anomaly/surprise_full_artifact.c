/*-------------------------------------------------------------------------
 *
 * surprise_full_artifact.c
 *	  Full conditionals within an artifact of cell surprise, and within its compiled form.
 *
 *		"full":[{"aspect":0,"groups":[0,1,1,-1,2],"gain":0.4,"instead":1,"looks":[1,2],"tail":{…},
 *		 "trees":[N,{…},N,{…},N,{…}]},…]
 *
 * -1 is an outcome that is not judged; trees are artifacts of algorithm "xgboost" behind their
 * length in bytes, one for each fold of rows that they judge.  The compiled form is drawn at SurpriseFullNode.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "anomaly/surprise.h"
#include "compat/compat.h"
#include "learn/compiled.h"

/* Gives the reason why the groups are none, or NULL. */
static const char *
check_groups(const SurpriseFull *full, int noutcomes)
{
	bool		used[SURPRISE_FULL_GROUPS + 1] = {false};

	for (int k = 0; k < noutcomes; k++)
	{
		if (full->groups[k] != SURPRISE_FULL_NONE && full->groups[k] >= full->ngroups)
			return "a group of outcomes is out of range";
		used[full->groups[k]] = true;
	}
	for (int g = 0; g < full->ngroups; g++)
		if (!used[g])
			return "a group has no outcome";
	return NULL;
}

/* Gives the reason why a column's trees do not fit the aspects, or NULL. */
const char *
surprise_check_full(const SurpriseModel *model, const SurpriseFull *full)
{
	const SurpriseAspect *aspect = &model->aspects[full->aspect];

	if (aspect->side || aspect->grouped)
		return "trees judge what is no value";
	for (int i = 0; i < full->nlooks; i++)
	{
		if (full->looks[i] >= model->naspects || (i > 0 && full->looks[i] <= full->looks[i - 1]))
			return "what trees look at does not ascend";
		if (model->aspects[full->looks[i]].grouped)
			return "trees look at what is within a group";
		if (model->aspects[full->looks[i]].column == aspect->column)
			return "trees look at what they judge";
	}
	return check_groups(full, SURPRISE_OUTCOMES(aspect));
}

/* Writes one column's. */
static void
write_full(const SurpriseModel *model, const SurpriseFull *full, StringInfo out)
{
	int			n = SURPRISE_OUTCOMES(&model->aspects[full->aspect]);

	appendStringInfo(out, "{\"aspect\":%d,\"groups\":[", full->aspect);
	for (int k = 0; k < n; k++)
		appendStringInfo(out, "%s%d", k > 0 ? "," : "", full->groups[k] == SURPRISE_FULL_NONE ? -1 : full->groups[k]);
	appendStringInfoString(out, "],\"gain\":");
	artifact_put_float(out, full->gain);
	appendStringInfoString(out, ",\"instead\":");
	appendStringInfo(out, "%d,\"looks\":[", full->instead ? 1 : 0);
	for (int i = 0; i < full->nlooks; i++)
		appendStringInfo(out, "%s%d", i > 0 ? "," : "", full->looks[i]);
	appendStringInfoString(out, "],\"tail\":");
	tail_write(&full->tail, out);
	appendStringInfoString(out, ",\"trees\":[");
	for (int f = 0; f < SURPRISE_FULL_FOLDS; f++)
	{
		appendStringInfo(out, "%s%zu,", f > 0 ? "," : "", full->artifact_len[f]);
		appendBinaryStringInfo(out, full->artifact[f], full->artifact_len[f]);
	}
	appendStringInfoString(out, "]}");
}

/* Writes the trees of all columns; nothing when there are none. */
void
surprise_write_full(const SurpriseModel *model, StringInfo out)
{
	if (model->nfulls == 0)
		return;
	appendStringInfoString(out, ",\"full\":[");
	for (int k = 0; k < model->nfulls; k++)
	{
		CHECK_FOR_INTERRUPTS();
		appendStringInfoString(out, k > 0 ? "," : "");
		write_full(model, &model->fulls[k], out);
	}
	appendStringInfoChar(out, ']');
}

/* Reads the groups of the outcomes and finds how many there are. */
static void
read_groups(ArtifactReader *r, int noutcomes, SurpriseFull *full)
{
	full->groups = palloc(noutcomes);
	artifact_expect(r, "[");
	for (int k = 0; k < noutcomes; k++)
	{
		int64		group;

		if (k > 0)
			artifact_expect(r, ",");
		group = artifact_integer(r, -1, SURPRISE_FULL_GROUPS - 1);
		full->groups[k] = group < 0 ? SURPRISE_FULL_NONE : (uint8) group;
		full->ngroups = Max(full->ngroups, (int) group + 1);
	}
	artifact_expect(r, "]");
	if (full->ngroups < 2)
		artifact_error(r, "trees tell no groups apart");
}

/* Reads what the trees look at. */
static void
read_looks(ArtifactReader *r, const SurpriseModel *model, SurpriseFull *full)
{
	ArtifactReader ahead = *r;
	int64		looks[SURPRISE_FULL_ASPECTS];

	artifact_expect(&ahead, "[");
	full->nlooks = artifact_count(&ahead, SURPRISE_FULL_ASPECTS);
	if (full->nlooks < 1)
		artifact_error(r, "trees look at nothing");
	artifact_integers(r, looks, full->nlooks, 0, model->naspects - 1);
	full->looks = palloc(sizeof(int32) * full->nlooks);
	for (int i = 0; i < full->nlooks; i++)
		full->looks[i] = (int32) looks[i];
}

/* Gives the reason why a compiled forest is not one of so many groups and looks, or NULL. */
static const char *
check_forest(const CompiledForest *forest, int ngroups, int nlooks)
{
	if (forest_nfeatures(forest) != nlooks)
		return "trees look at something else";
	if (forest_objective(forest) != (ngroups == 2 ? FOREST_LOGISTIC : FOREST_SOFTPROB) ||
		forest_ngroups(forest) != (ngroups == 2 ? 1 : ngroups))
		return "trees tell other groups apart";
	return NULL;
}

/* Reads the trees that judge one fold, checks them wholly and compiles them. */
static void
read_trees(ArtifactReader *r, int fold, SurpriseFull *full)
{
	StringInfo	compiled = &full->compiled[fold];
	const char *why;

	if (fold > 0)
		artifact_expect(r, ",");
	full->artifact_len[fold] = (Size) artifact_integer(r, 1, MaxAllocSize);
	artifact_expect(r, ",");
	full->artifact[fold] = artifact_bytes(r, full->artifact_len[fold]);
	initStringInfo(compiled);
	algorithm_xgboost.compile(full->artifact[fold], full->artifact_len[fold], compiled);
	why = check_forest(forest_open(compiled->data, compiled->len), full->ngroups, full->nlooks);
	if (why != NULL)
		artifact_error(r, why);
}

/* Reads one column's. */
static void
read_full(ArtifactReader *r, const SurpriseModel *model, SurpriseFull *full)
{
	const char *why;

	artifact_expect(r, "{\"aspect\":");
	full->aspect = (int) artifact_integer(r, 0, model->naspects - 1);
	artifact_expect(r, ",\"groups\":");
	read_groups(r, SURPRISE_OUTCOMES(&model->aspects[full->aspect]), full);
	artifact_expect(r, ",\"gain\":");
	full->gain = artifact_float(r);
	if (!(full->gain > 0 && full->gain <= 64))
		artifact_error(r, "a gain is out of range");
	artifact_expect(r, ",\"instead\":");
	full->instead = artifact_integer(r, 0, 1) == 1;
	artifact_expect(r, ",\"looks\":");
	read_looks(r, model, full);
	artifact_expect(r, ",\"tail\":");
	tail_read(r, &full->tail);
	artifact_expect(r, ",\"trees\":[");
	for (int f = 0; f < SURPRISE_FULL_FOLDS; f++)
		read_trees(r, f, full);
	artifact_expect(r, "]}");
	if ((why = surprise_check_full(model, full)) != NULL)
		artifact_error(r, why);
}

/* Reads the trees of all columns, when there are some. */
void
surprise_read_full(ArtifactReader *r, SurpriseModel *model)
{
	if (!artifact_take(r, ",\"full\":["))
		return;
	model->fulls = palloc0(sizeof(SurpriseFull) * SURPRISE_FULL_COLUMNS);
	do
	{
		CHECK_FOR_INTERRUPTS();
		if (model->nfulls == SURPRISE_FULL_COLUMNS)
			artifact_error(r, "too many columns have trees");
		read_full(r, model, &model->fulls[model->nfulls++]);
		if (model->nfulls > 1 && model->fulls[model->nfulls - 1].aspect <= model->fulls[model->nfulls - 2].aspect)
			artifact_error(r, "trees do not ascend");
	} while (artifact_take(r, ","));
	artifact_expect(r, "]");
}

/* Appends a part, padded. */
static void
put_part(StringInfo out, const void *part, Size len)
{
	static const char padding[MAXIMUM_ALIGNOF] = {0};

	appendBinaryStringInfo(out, part, len);
	appendBinaryStringInfo(out, padding, MAXALIGN(len) - len);
}

/* Writes the compiled trees of all columns; unseen as for the whole form. */
void
surprise_compile_full(const SurpriseModel *model, bool unseen, StringInfo out)
{
	for (int k = 0; k < model->nfulls; k++)
	{
		const SurpriseFull *full = &model->fulls[k];
		SurpriseFullNode node = {full->aspect, full->ngroups, full->nlooks, full->instead ? 1 : 0};

		for (int f = 0; f < SURPRISE_FULL_FOLDS; f++)
			node.forest[f] = full->compiled[f].len;
		put_part(out, &node, sizeof(node));
	}
	for (int k = 0; k < model->nfulls; k++)
	{
		const SurpriseFull *full = &model->fulls[k];

		put_part(out, full->groups, SURPRISE_OUTCOMES(&model->aspects[full->aspect]));
		put_part(out, full->looks, sizeof(int32) * full->nlooks);
		if (model->severity.npoints > 0)
			tail_compile(unseen && full->tail_unseen.npoints > 0 ? &full->tail_unseen : &full->tail, out);
		for (int f = 0; f < SURPRISE_FULL_FOLDS; f++)
			put_part(out, full->compiled[f].data, full->compiled[f].len);
	}
}

/* Ends with an error for a form that is not sound. */
static void pg_attribute_noreturn()
unsound(const char *what)
{
	compiled_corrupted(psprintf("It is not sound: %s.", what));
}

/* Gives where so many bytes are, and steps over them. */
static const char *
take_part(const char *bytes, Size len, Size *at, Size n)
{
	const char *here = bytes + *at;

	if (*at > len || n > len - *at)
		unsound("its trees do not fit its length");
	*at = Min(*at + MAXALIGN(n), len);
	return here;
}

/* Checks what one column's trees judge and look at. */
static void
check_trees(const SurpriseTables *tables, const SurpriseTrees *trees, Size noutcomes)
{
	const SurpriseNode *node = &tables->nodes[trees->aspect];

	if (trees->ngroups < 2 || trees->ngroups > SURPRISE_FULL_GROUPS || (node->flags & SURPRISE_NODE_GROUPED))
		unsound("trees are out of range");
	for (Size k = 0; k < noutcomes; k++)
		if (trees->groups[k] != SURPRISE_FULL_NONE && trees->groups[k] >= trees->ngroups)
			unsound("a group of outcomes is out of range");
	for (int i = 0; i < trees->nlooks; i++)
		if (trees->looks[i] < 0 || trees->looks[i] >= tables->naspects ||
			tables->nodes[trees->looks[i]].column == node->column ||
			(tables->nodes[trees->looks[i]].flags & SURPRISE_NODE_GROUPED))
			unsound("what trees look at is out of range");
}

/* Opens one column's trees. */
static void
open_trees(const SurpriseFullNode *node, const char *bytes, Size len, Size *at, bool calibrated, SurpriseTables *tables,
		   SurpriseTrees *trees)
{
	Size		noutcomes;

	if (node->aspect < 0 || node->aspect >= tables->naspects || node->nlooks < 1 || node->nlooks > SURPRISE_FULL_ASPECTS ||
		node->instead > 1)
		unsound("trees are out of range");
	noutcomes = (Size) tables->nodes[node->aspect].nvalues + 2;
	trees->aspect = node->aspect;
	trees->ngroups = node->ngroups;
	trees->nlooks = node->nlooks;
	trees->instead = node->instead != 0;
	trees->groups = (const uint8 *) take_part(bytes, len, at, noutcomes);
	trees->looks = (const int32 *) take_part(bytes, len, at, sizeof(int32) * node->nlooks);
	check_trees(tables, trees, noutcomes);
	if (calibrated)
	{
		Size		taken = tail_open(bytes + *at, len - *at, &trees->tail);

		if (taken == 0)
			unsound("a tail is out of range");
		*at += taken;
	}
	for (int f = 0; f < SURPRISE_FULL_FOLDS; f++)
	{
		const char *why;

		trees->forest[f] = forest_open(take_part(bytes, len, at, node->forest[f]), node->forest[f]);
		if ((why = check_forest(trees->forest[f], trees->ngroups, trees->nlooks)) != NULL)
			unsound(why);
	}
	tables->full_of[trees->aspect] = trees;
}

/* Opens the trees of all columns, which stand behind everything else, in place. */
void
surprise_open_full(const SurpriseHeader *header, const char *bytes, Size len, bool calibrated, SurpriseTables *tables)
{
	const SurpriseFullNode *nodes;
	Size		at = 0;

	nodes = (const SurpriseFullNode *) take_part(bytes, len, &at, mul_size(sizeof(SurpriseFullNode), header->nfulls));
	tables->nfulls = header->nfulls;
	tables->fulls = palloc0(mul_size(sizeof(SurpriseTrees), header->nfulls));
	tables->full_of = palloc0(mul_size(sizeof(SurpriseTrees *), tables->naspects));
	for (int k = 0; k < header->nfulls; k++)
	{
		if (k > 0 && nodes[k].aspect <= nodes[k - 1].aspect)
			unsound("trees do not ascend");
		open_trees(&nodes[k], bytes, len, &at, calibrated, tables, &tables->fulls[k]);
	}
	if (at != len)
		unsound("its trees do not fit its length");
}
