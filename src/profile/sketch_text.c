/*-------------------------------------------------------------------------
 *
 * sketch_text.c
 *	  Texts into a sketch: lengths, looks and patterns.
 *
 * What a text looks like is remembered by the text's hash, so that a value that
 * comes often is looked at once.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "port/pg_bitutils.h"

#include "core/text.h"
#include "profile/hash.h"
#include "profile/sketch_int.h"

/* A run of neighbours with one pattern that was not counted yet. */
typedef struct PatternRun
{
	uint64		hash;
	int64		count;
	int			at;				/* one of its texts */
} PatternRun;

/* Counts the looks of a text. */
static inline void
count_looks(Sketch *sketch, uint32 looks)
{
	while (looks != 0)
	{
		sketch->looks[pg_rightmost_one_pos32(looks)]++;
		looks &= looks - 1;
	}
}

/* Counts a run of one pattern, looking at one of its texts again when the pattern has no counter. */
static void
end_run(Sketch *sketch, const ValueBlock *block, PatternRun *run)
{
	TextLook	look;

	if (run->count == 0 || frequent_count(sketch->patterns, run->hash, run->count))
		return;
	if (run->count == 1 && !frequent_admits(sketch->patterns, run->hash))
		return;
	look_at(block->texts[run->at], block->lengths[run->at], &look);
	frequent_enter(sketch->patterns, run->hash, look.pattern, look.npattern, true, look.looks, run->count);
}

/* Says whether it is worth to remember texts: not where hardly any comes again. */
static inline bool
looks_wanted(SketchBuild *build)
{
	if (build->looks == NULL)
		return false;
	if (build->looks_pause > 0)
	{
		build->looks_pause--;
		return false;
	}
	if (++build->looks_tried < SKETCH_LOOK_TRIED)
		return true;
	if (build->looks_found < SKETCH_LOOK_TRIED / SKETCH_LOOK_WORTH)
		build->looks_pause = SKETCH_LOOK_PAUSE;
	build->looks_tried = build->looks_found = 0;
	return true;
}

/* Gives what a text looks like, from memory when it came by lately; scratch is where it is put otherwise. */
static inline const LookCached *
look_cached(SketchBuild *build, const char *text, int len, uint64 hash, LookCached *scratch)
{
	LookCached *slot = scratch;
	TextLook	look;

	if (looks_wanted(build))
	{
		slot = &build->looks[hash % SKETCH_LOOK_CACHE & ~1];
		build->looks_found++;
		if (slot->hash == hash && slot->pattern != 0)
			return slot;
		if (slot[1].hash == hash && slot[1].pattern != 0)
			return slot + 1;
		build->looks_found--;
		/* The older one makes room: what comes often is soon back in the first place. */
		slot[1] = slot[0];
	}
	look_at(text, len, &look);
	slot->hash = hash;
	slot->pattern = hash_text(HASH_TEXT, look.pattern, look.npattern) | 1;
	slot->looks = look.looks;
	slot->characters = look.characters;
	return slot;
}

/* Adds texts of kind TEXT; gives their lengths in characters. */
static void
add_looks(Sketch *sketch, const ValueBlock *block, double *characters)
{
	SketchBuild *build = sketch->build;
	uint64		patterns[PROFILE_BLOCK];
	PatternRun	run = {0};

	if (sketch->patterns == NULL)
		sketch->patterns = frequent_create(sketch->context, FREQUENT_STORED);
	if (build->looks == NULL && sketch_values(sketch) > SKETCH_LOOK_FROM)
		build->looks = MemoryContextAllocZero(sketch->context, sizeof(LookCached) * SKETCH_LOOK_CACHE);
	for (int i = 0; i < block->n; i++)
	{
		LookCached	scratch;
		const LookCached *look = look_cached(build, block->texts[i], block->lengths[i], block->hashes[i], &scratch);

		characters[i] = look->characters;
		patterns[i] = look->pattern;
		count_looks(sketch, look->looks);
	}
	frequent_prefetch(sketch->patterns, patterns, block->n);
	for (int i = 0; i < block->n; i++)
	{
		if (patterns[i] != run.hash || run.count == 0)
		{
			end_run(sketch, block, &run);
			run = (PatternRun) {patterns[i], 0, i};
		}
		run.count++;
	}
	end_run(sketch, block, &run);
}

/* Gives the characters of a text in the server's encoding; the length as it is for a value whose text is not made. */
static int
count_characters(const char *text, int len)
{
	const char *end;
	int			n = 0;

	if (text == NULL || pg_database_encoding_max_length() == 1)
		return len;
	end = text + len;
	for (const char *s = text; s < end; s += text_step(s, end))
		n++;
	return n;
}

/* Adds the texts of a block that was read, but for the ranks of their lengths. */
void
sketch_add_texts(Sketch *sketch, const ValueBlock *block, double *characters)
{
	double		least;
	double		most;

	if (sketch->kind == VALUE_TEXT)
		add_looks(sketch, block, characters);
	else
		for (int i = 0; i < block->n; i++)
			characters[i] = count_characters(block->texts[i], block->lengths[i]);
	least = most = characters[0];
	for (int i = 1; i < block->n; i++)
	{
		least = Min(least, characters[i]);
		most = Max(most, characters[i]);
	}
	if (sketch->characters.n == 0)
		sketch->characters_min = sketch->characters_max = (int64) least;
	if (least == most)
		moments_add_equal(&sketch->characters, least, block->n);
	else
		moments_add(&sketch->characters, characters, block->n);
	sketch->characters_min = Min(sketch->characters_min, (int64) least);
	sketch->characters_max = Max(sketch->characters_max, (int64) most);
}
