/*-------------------------------------------------------------------------
 *
 * severity.c
 *	  Severities inside other artifacts, and of a version that learned more rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "storage/shmem.h"

#include "learn/severity.h"

/* In front of the compiled points: score float[npoints], share float[npoints]. */
typedef struct SeverityHeader
{
	int64		rows;
	int32		npoints;
	uint32		unused;
} SeverityHeader;

/* Writes the points in the fixed form. */
void
severity_write(const Severity *severity, StringInfo out)
{
	appendStringInfo(out, "{\"rows\":" INT64_FORMAT ",\"score\":", severity->rows);
	artifact_put_floats(out, severity->score, severity->npoints);
	appendStringInfoString(out, ",\"above\":");
	artifact_put_integers(out, severity->above, severity->npoints);
	appendStringInfoChar(out, '}');
}

/* Reads points and checks them. */
void
severity_read(ArtifactReader *r, Severity *severity)
{
	ArtifactReader list;
	const char *why;

	artifact_expect(r, "{\"rows\":");
	severity->rows = artifact_integer(r, 1, PG_INT64_MAX);
	artifact_expect(r, ",\"score\":");
	list = *r;
	artifact_expect(&list, "[");
	severity->npoints = artifact_count(&list, SEVERITY_MAX_POINTS);
	severity->score = palloc(mul_size(sizeof(float), Max(severity->npoints, 1)));
	severity->above = palloc(mul_size(sizeof(int64), Max(severity->npoints, 1)));
	artifact_floats(r, severity->score, severity->npoints);
	artifact_expect(r, ",\"above\":");
	artifact_integers(r, severity->above, severity->npoints, 0, PG_INT64_MAX);
	artifact_expect(r, "}");
	if ((why = severity_check(severity)) != NULL)
		artifact_error(r, psprintf("of its severities, %s", why));
}

/* Gives the bytes of the compiled form of so many points. */
static Size
compiled_bytes(int npoints)
{
	return MAXALIGN(add_size(sizeof(SeverityHeader), mul_size(2 * sizeof(float), npoints)));
}

/* Appends the compiled form. */
void
severity_compile(const Severity *severity, StringInfo out)
{
	SeverityHeader header = {severity->rows, severity->npoints, 0};
	int			end = out->len + (int) compiled_bytes(severity->npoints);

	Assert(out->len == (int) MAXALIGN(out->len));
	appendBinaryStringInfo(out, (char *) &header, sizeof(header));
	appendBinaryStringInfo(out, (char *) severity->score, sizeof(float) * severity->npoints);
	for (int i = 0; i < severity->npoints; i++)
	{
		float		share = (float) ((double) severity->above[i] / severity->rows);

		appendBinaryStringInfo(out, (char *) &share, sizeof(share));
	}
	while (out->len < end)
		appendStringInfoChar(out, '\0');
}

/* Opens a compiled form in place; gives the bytes it takes, or 0 when it is not sound. */
Size
severity_open(const char *compiled, Size len, SeverityTable *table)
{
	const SeverityHeader *header = (const SeverityHeader *) compiled;

	if (len < sizeof(SeverityHeader) || header->rows < 1 || header->npoints < 1 ||
		header->npoints > SEVERITY_MAX_POINTS || compiled_bytes(header->npoints) > len)
		return 0;
	table->rows = header->rows;
	table->npoints = header->npoints;
	table->score = (const float *) (compiled + sizeof(SeverityHeader));
	table->share = table->score + header->npoints;
	for (int i = 0; i < table->npoints; i++)
	{
		if (!isfinite(table->score[i]) || !(table->share[i] >= 0 && table->share[i] < 1))
			return 0;
		if (i > 0 && (table->score[i] <= table->score[i - 1] || table->share[i] > table->share[i - 1]))
			return 0;
	}
	return compiled_bytes(header->npoints);
}

/* Scores of old and new rows in their order, and the rows at or below the place reached. */
typedef struct Merging
{
	const Severity *old;
	double		keep;
	const float *scores;
	int64		nscores;
	int			next_old;
	int64		next_new;
} Merging;

/* Steps behind the lowest score that is left and gives it. */
static float
next_score(Merging *m)
{
	bool		has_old = m->next_old < m->old->npoints;
	bool		has_new = m->next_new < m->nscores;
	float		score = !has_old ? m->scores[m->next_new] : m->old->score[m->next_old];

	if (has_old && has_new)
		score = Min(score, m->scores[m->next_new]);
	if (has_old && m->old->score[m->next_old] == score)
		m->next_old++;
	while (m->next_new < m->nscores && m->scores[m->next_new] == score)
		m->next_new++;
	return score;
}

/* Gives the weighted rows with a greater score than that of the place reached. */
static double
rows_above(const Merging *m)
{
	double		old = m->next_old > 0 ? m->old->above[m->next_old - 1] : m->old->rows;

	return m->keep * old + (m->nscores - m->next_new);
}

/* Makes the points of old and new rows: as dense as those of a training, see iforest_severity.c. */
void
severity_merge(const Severity *old, double keep, float *scores, int64 nscores, Severity *severity)
{
	Merging		m = {old, keep, scores, nscores, 0, 0};
	Size		most = add_size(old->npoints, nscores);
	double		total = rows_above(&m);
	double		last = Max(rint(total), 1);
	int64		due = 1;

	severity_sort(scores, nscores);
	severity->rows = (int64) last;
	severity->npoints = 0;
	severity->score = palloc_extended(mul_size(sizeof(float), most), MCXT_ALLOC_HUGE);
	severity->above = palloc_extended(mul_size(sizeof(int64), most), MCXT_ALLOC_HUGE);
	while (m.next_old < old->npoints || m.next_new < nscores)
	{
		float		score = next_score(&m);
		double		above = rint(rows_above(&m));
		bool		end = m.next_old == old->npoints && m.next_new == nscores;

		if (!end && (total - above < due || above >= last))
			continue;
		/* the last point takes the place of one above which less than half a row lies */
		if (end && severity->npoints > 0 && last < 1)
			severity->npoints--;
		severity->score[severity->npoints] = score;
		severity->above[severity->npoints++] = (int64) above;
		last = above;
		due = (int64) (total - above) + severity_step(severity->rows, (int64) (total - above));
	}
}
